#include "ensemble/combiners.h"

namespace retort {

std::unique_ptr<Combiner> make_mean_logits(Settings&) { return make_mixture({"mean_logits", mix_logits, {}}); }

}  // namespace retort
