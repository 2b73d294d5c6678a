// Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015.
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

LossTerm make_kd(Settings& settings) {
  const double t = read_temperature(settings, 3);
  return [t](const LossInputs& in) { return kd_loss(in.student_logits, in.teacher_logits, t); };
}

}  // namespace retort
