// Zhang, Chen, Wang: Confidence-Aware Multi-Teacher Knowledge Distillation, ICASSP 2022: the part of logits, where
// members that are right about a sample count more.
#include "losses/logits.h"
#include "losses/members.h"

namespace retort {

LossTerm make_camkd(Settings& settings) {
  const double t = read_temperature(settings, 4);
  return of_labelled([t](const LossInputs& in) {
    const at::Tensor nll = member_label_nll(in);
    if (nll.size(0) < 2) fail("camkd", "needs a teacher of at least two members");
    const at::Tensor weights = nll.softmax(0).neg().add(1).div(nll.size(0) - 1);
    return member_kd(in, t).mul(weights).mean();
  });
}

}  // namespace retort
