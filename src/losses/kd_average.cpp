// You, Xu, Xu, Tao: Learning from Multiple Teacher Networks, KDD 2017: the mean of what each member's kd would be.
#include "losses/logits.h"
#include "losses/members.h"

namespace retort {

LossTerm make_kd_average(Settings& settings) {
  const double t = read_temperature(settings, 4);
  return [t](const LossInputs& in) { return member_kd(in, t).mean(); };
}

}  // namespace retort
