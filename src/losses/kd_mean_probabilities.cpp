// kd of the members' mean probabilities at temperature T, as in Faghri et al.: Reinforce Data, Multiply Impact, ICCV
// 2023, where T is 1. Neither kd of their mean logits nor the mean of their kd.
#include <cmath>

#include "losses/logits.h"
#include "losses/members.h"

namespace retort {

LossTerm make_kd_mean_probabilities(Settings& settings) {
  const double t = read_temperature(settings, 4);
  return [t](const LossInputs& in) {
    const at::Tensor& members = member_logits(in);
    const at::Tensor log_p = members.div(t).log_softmax(2).logsumexp(0).sub(std::log(members.size(0)));
    return row_kl(log_p, in.student_logits.div(t).log_softmax(1)).mean().mul(t * t);
  };
}

}  // namespace retort
