#include <algorithm>

#include "data/augment.h"

namespace retort {

namespace {

void mirror(Image& image) {
  const int64_t channels = image.shape.channels;
  for (int64_t y = 0; y < image.shape.height; ++y) {
    uint8_t* left = image.pixels.data() + y * image.shape.width * channels;
    uint8_t* right = left + (image.shape.width - 1) * channels;
    for (; left < right; left += channels, right -= channels) std::swap_ranges(left, left + channels, right);
  }
}

}  // namespace

AugmentStep hflip_step(Settings& settings) {
  return sometimes(settings.number("p", 0.5, 0, 1, "probability that a view is mirrored"), mirror);
}

}  // namespace retort
