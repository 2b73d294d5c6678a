// Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015, section 2.
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>

#include "losses/registry.h"

namespace retort {

Loss make_kd(Settings& settings) {
  const double t =
      settings.number("temperature", 3, 1e-3, 1e3, "softens both distributions; its square scales the loss");
  return [t](const LossInputs& in) {
    const at::Tensor student = at::log_softmax(in.student_logits.div(t), 1);
    const at::Tensor teacher = at::log_softmax(in.teacher_logits.div(t), 1);
    const at::Tensor kl = at::kl_div(student, teacher, at::Reduction::Sum, /*log_target=*/true);
    return kl.mul(t * t / static_cast<double>(in.student_logits.size(0)));
  };
}

}  // namespace retort
