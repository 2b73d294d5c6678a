#include "data/augment.h"
#include "data/color.h"

namespace retort {

AugmentStep grayscale_step(Settings& settings) {
  const double p = settings.number("p", 0.1, 0, 1, "probability that a view loses its colours");
  return sometimes(p, [](Image& image) { adjust_saturation(image, 0); });
}

}  // namespace retort
