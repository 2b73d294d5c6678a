// Distillation from the teacher's decisions alone: hard-label distillation of Touvron et al. 2021 (section 4), and
// pseudo-labels where samples have no others (Lee, ICML 2013 workshop).
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

LossTerm make_hard(Settings& settings) {
  const double smoothing = settings.number("smoothing", 0, 0, 1, "share of the decision spread over all classes");
  return [=](const LossInputs& in) { return decision_loss(in.student_logits, in.teacher_logits, smoothing); };
}

}  // namespace retort
