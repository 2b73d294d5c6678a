#include <cstring>

#include "data/augment.h"

namespace retort {

namespace {

void mirror(const uint8_t* pixels, ImageShape shape, uint8_t* out) {
  const auto channels = static_cast<size_t>(shape.channels);
  for (int64_t y = 0; y < shape.height; ++y) {
    const uint8_t* row_end = pixels + (y + 1) * shape.width * shape.channels;
    for (int64_t x = 0; x < shape.width; ++x) {
      row_end -= channels;
      for (size_t c = 0; c < channels; ++c) *out++ = row_end[c];
    }
  }
}

class HorizontalFlip : public Augment::Step {
 public:
  explicit HorizontalFlip(double probability) : probability_(probability) {}

  void apply(const uint8_t* pixels, ImageShape shape, Rng& rng, uint8_t* out) const override {
    if (rng.uniform() < probability_) {
      mirror(pixels, shape, out);
    } else {
      std::memcpy(out, pixels, static_cast<size_t>(shape.numel()));
    }
  }

 private:
  double probability_;
};

}  // namespace

AugmentStep hflip_step(Settings& settings) {
  return std::make_shared<HorizontalFlip>(settings.number("p", 0.5, 0, 1, "probability that a view is mirrored"));
}

}  // namespace retort
