// Distillation without labels or logits, as in Fang et al.: SEED, ICLR 2021: how alike a sample's embedding is
// to a queue of the teacher's past ones.
#include "losses/features.h"
#include "losses/logits.h"

namespace retort {

LossTerm make_label_free(Settings& settings) {
  const double t = settings.number("tau", 0.07, 1e-3, 10, "of the cosines");
  const int64_t length = settings.integer("queue", 4096, 1, 1'000'000, "embeddings of the teacher that are kept");
  return {{.student = Look::embedding, .teacher = Look::embedding, .form = Looks::Form::pooled},
          [=](LossParts& parts) -> LossTerm::FeatureFunction {
            if (parts.size() != 1) fail_usage("label_free", "looks at one pair of taps; ", parts.size(), " given");
            const int64_t features = parts.teacher(0)[0];
            const Projection project(parts, "0", parts.student(0)[0], features, /*has_bias=*/true);
            const at::Tensor queue = parts.buffer("queue", {length, features}, LossParts::Fill::constant, 0);
            const at::Tensor written = parts.buffer("written", {1}, LossParts::Fill::constant, 0);
            return [=](const Features& student, const Features& teacher, const LossInputs&) {
              const at::Tensor p = unit(teacher[0], 1), q = unit(project(student[0]), 1);
              // This batch is in the queue too, so that it is never empty.
              auto next = written.item<int64_t>();
              for (int64_t i = 0; i < p.size(0); ++i, ++next) queue[next % length].copy_(p[i]);
              written.fill_(next);
              const at::Tensor kept = queue.slice(0, 0, std::min(next, length)).clone();
              return row_kl(p.mm(kept.t()).div(t).log_softmax(1), q.mm(kept.t()).div(t).log_softmax(1)).mean();
            };
          }};
}

}  // namespace retort
