// Du, You, Li, Wu, Wang, Qian, Zhang: Agree to Disagree: Adaptive Ensemble Knowledge Distillation in Gradient Space,
// NeurIPS 2020: the weights of the shortest mean gradient, which no member's own kd opposes.
#include <ATen/ops/tensor.h>

#include "losses/logits.h"
#include "losses/members.h"

namespace retort {

LossTerm make_aekd(Settings& settings) {
  const double t = read_temperature(settings, 4);
  const double largest = settings.number("largest", 0.6, 0.01, 1, "weight of a member, the paper's C");
  return [=](const LossInputs& in) {
    // kd's gradient in the student's logits is T (q - p), mean over samples.
    const at::Tensor q = in.student_logits.detach().div(t).softmax(1);
    const at::Tensor gradients = q.unsqueeze(0).sub(member_logits(in).div(t).softmax(2)).mean(1).mul(t);
    const std::vector<double> weights = least_norm_weights(gradients, largest);
    return member_kd(in, t).mean(1).mul(at::tensor(weights, in.student_logits.options().requires_grad(false))).sum();
  };
}

}  // namespace retort
