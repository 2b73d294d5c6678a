// Touvron, Cord, Douze, Massa, Sablayrolles, Jegou: Training data-efficient image transformers & distillation through
// attention, ICML 2021, equations 2 and 3, of the student's logits: backbones have no head of a distillation token.
#include <ATen/ops/cross_entropy_loss.h>

#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

LossTerm make_deit(Settings& settings) {
  const bool hard = settings.choice("kind", {"hard", "soft"}, "the teacher's decisions, or kd") == "hard";
  const double t = read_temperature(settings, 1);
  return [=](const LossInputs& in) {
    if (!hard) return kd_loss(in.student_logits, in.teacher_logits, t);
    return at::cross_entropy_loss(in.student_logits, in.teacher_logits.argmax(1));
  };
}

}  // namespace retort
