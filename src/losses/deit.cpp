// Touvron, Cord, Douze, Massa, Sablayrolles, Jegou: Training data-efficient image transformers & distillation through
// attention, ICML 2021, section 4: the term of the distillation token where the student has one, else of its logits.
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

LossTerm make_deit(Settings& settings) {
  const bool hard = settings.choice("kind", {"hard", "soft"}, "the teacher's decisions, or kd") == "hard";
  const double t = read_temperature(settings, 1);
  return [=](const LossInputs& in) {
    if (!hard) return kd_loss(in.student_logits, in.teacher_logits, t);
    return decision_loss(in.student_logits, in.teacher_logits);
  };
}

}  // namespace retort
