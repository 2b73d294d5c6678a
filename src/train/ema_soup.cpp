#include "train/soup.h"

namespace retort {

SoupMethod ema_soup(Settings& settings) {
  const double decay = settings.number("decay", 0.5, 0, 1, "weight of the average so far when a member comes in");
  return [decay](const SoupMembers& members) {
    std::vector<double> weights(static_cast<size_t>(members.count));
    weights[0] = 1;
    for (size_t m = 1; m < weights.size(); ++m) {
      for (size_t earlier = 0; earlier < m; ++earlier) weights[earlier] *= decay;
      weights[m] = 1 - decay;
    }
    return weights;
  };
}

}  // namespace retort
