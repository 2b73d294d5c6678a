#include "ensemble/combiners.h"

namespace retort {

std::unique_ptr<Combiner> make_mean_probabilities(Settings&) {
  return make_mixture({"mean_probabilities", mix_probabilities, {}});
}

}  // namespace retort
