// Yang, Martinez, Bulat, Tzimiropoulos: Knowledge Distillation via Softmax Regression Representation Learning, ICLR
// 2021, by squared differences of logits as in the authors' code.
#include "losses/features.h"

namespace retort {

LossTerm make_srrl(Settings& settings) {
  const double logits_weight = settings.number("logits_weight", 1, 0, 1e6, "of the teacher's classifier's part");
  return {{.student = Look::last_map, .teacher = Look::embedding},
          [logits_weight](LossParts& parts) -> LossTerm::FeatureFunction {
            if (parts.size() != 1 || parts.student(0).size() != 3) {
              fail_usage("srrl", "needs one map of the student and what the teacher's classifier is given; leave out ",
                         "student_taps and teacher_taps");
            }
            const Classifier classifier(parts, parts.teacher(0)[0]);
            const LossNetwork& teacher = parts.teacher_network();
            const std::string last = default_taps(*teacher.graph, teacher.input, Look::last_map)[0];
            const bool relu = ends_in_relu(*teacher.graph, last);
            const NormedProjection project(parts, "0", parts.student(0)[0], parts.teacher(0)[0]);
            return [=](const Features& s, const Features& t, const LossInputs& in) {
              const at::Tensor map = project(s[0]);
              const at::Tensor embedding = pooled(relu ? map.relu() : map);
              const at::Tensor logits = mean_square(classifier(embedding), in.teacher_logits);
              return mean_square(embedding, pooled(t[0])).add(logits, logits_weight);
            };
          }};
}

}  // namespace retort
