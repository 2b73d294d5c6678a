// Kwon, Na, Lee, Kim: Adaptive Knowledge Distillation Based on Entropy, ICASSP 2020, as CA-MKD's authors code it: each
// sample's weights are 1 - H_m / sum_k H_k and add up to M - 1.
#include "losses/logits.h"
#include "losses/members.h"

namespace retort {

LossTerm make_ebkd(Settings& settings) {
  const double t = read_temperature(settings, 4);
  return [t](const LossInputs& in) {
    const at::Tensor log_p = member_logits(in).log_softmax(2);
    const at::Tensor entropy = log_p.exp().mul(log_p).sum(2).neg();
    const at::Tensor weights = entropy.div(entropy.sum(0).clamp_min(1e-12)).neg().add(1);
    return member_kd(in, t).mul(weights).mean();
  };
}

}  // namespace retort
