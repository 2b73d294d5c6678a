#include <algorithm>

#include "data/augment.h"

namespace retort {

namespace {

void mirror_rows(Image& image) {
  const int64_t row = image.shape.width * image.shape.channels;
  for (int64_t y = 0; y < image.shape.height / 2; ++y) {
    uint8_t* top = image.pixels.data() + y * row;
    std::swap_ranges(top, top + row, image.pixels.data() + (image.shape.height - 1 - y) * row);
  }
}

}  // namespace

AugmentStep vflip_step(Settings& settings) {
  return sometimes(settings.number("p", 0.5, 0, 1, "probability that a view is mirrored"), mirror_rows);
}

}  // namespace retort
