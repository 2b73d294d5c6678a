// Yun et al. 2019, "CutMix", algorithm 1. The box is drawn as shares of the sides, so that a view is cut at the same
// place at every size of the image; labels go by the share that the drawn box has, not by whole pixels.
#include <algorithm>
#include <cmath>

#include "data/mix.h"

namespace retort {

namespace {

struct Span {
  double begin, end;
};

// As wide as asked, but for what hangs over an edge.
Span draw_span(double width, Rng& rng) {
  const double middle = rng.uniform();
  return {std::max(0.0, middle - width / 2), std::min(1.0, middle + width / 2)};
}

int64_t pixel(double at, int64_t side) { return std::llround(at * static_cast<double>(side)); }

class Cutmix : public Augment::Step {
 public:
  explicit Cutmix(const MixSettings& settings) : settings_(settings) {}
  void apply(Image&, const Preprocess&, Rng&) const override {}
  bool mixes() const override { return true; }
  double mix(std::span<float> image, std::span<const float> other, const ImageShape& shape, Rng& rng) const override {
    if (rng.uniform() >= settings_.p) return 1;
    const double side = std::sqrt(1 - draw_beta(settings_.alpha, rng));
    const Span down = draw_span(side, rng), across = draw_span(side, rng);
    const int64_t left = pixel(across.begin, shape.width), right = pixel(across.end, shape.width);
    for (int64_t y = pixel(down.begin, shape.height); y < pixel(down.end, shape.height); ++y) {
      const auto begin = static_cast<size_t>((y * shape.width + left) * shape.channels);
      const auto count = static_cast<size_t>((right - left) * shape.channels);
      std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(begin), count,
                  image.begin() + static_cast<std::ptrdiff_t>(begin));
    }
    return 1 - (down.end - down.begin) * (across.end - across.begin);
  }

 private:
  MixSettings settings_;
};

}  // namespace

AugmentStep cutmix_step(Settings& settings) { return std::make_shared<Cutmix>(read_mix_settings(settings, 1)); }

}  // namespace retort
