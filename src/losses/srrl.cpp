// Yang, Martinez, Bulat, Tzimiropoulos: Knowledge Distillation via Softmax Regression Representation Learning, ICLR
// 2021, equations 4 and 6, the latter by squared differences of logits as in the authors' code.
#include <ATen/ops/linear.h>

#include "losses/features.h"

namespace retort {

LossTerm make_srrl(Settings& settings) {
  const double logits_weight = settings.number("logits_weight", 1, 0, 1e6, "of the teacher's classifier's part");
  return {{.student = Look::last_map, .teacher = Look::embedding},
          [logits_weight](LossParts& parts) -> LossTerm::FeatureFunction {
            const LossNetwork& teacher = parts.teacher_network();
            const std::string& classifier = teacher.graph->classifier;
            const at::Tensor weight = teacher.parameter(classifier + ".weight").detach().to(parts.options());
            const at::Tensor bias = teacher.parameter(classifier + ".bias").detach().to(parts.options());
            if (parts.size() != 1 || parts.student(0).size() != 3 || parts.teacher(0)[0] != weight.size(1)) {
              fail_usage("srrl", "needs one map of the student and what the teacher's classifier is given; leave out ",
                         "student_taps and teacher_taps");
            }
            const std::string last = default_taps(*teacher.graph, teacher.input, Look::last_map)[0];
            const bool relu = ends_in_relu(*teacher.graph, last);
            const NormedProjection project(parts, "0", parts.student(0)[0], parts.teacher(0)[0]);
            return [=](const Features& s, const Features& t, const LossInputs& in) {
              const at::Tensor map = project(s[0]);
              const at::Tensor embedding = pooled(relu ? map.relu() : map),
                               logits = at::linear(embedding, weight, bias);
              return mean_square(embedding, pooled(t[0])).add(mean_square(logits, in.teacher_logits), logits_weight);
            };
          }};
}

}  // namespace retort
