// Zhong et al. 2017; timm's RandomErasing draws the box, here on 8-bit pixels. The box is drawn as shares of the sides,
// so that a view erases the same part at every size of the image.
#include <algorithm>
#include <cmath>

#include "data/augment.h"

namespace retort {

namespace {

struct Options {
  double p, min_area, max_area, min_aspect;
  bool pixel;
};

constexpr int kTries = 10;

uint8_t to_pixel(double value) { return static_cast<uint8_t>(std::clamp(std::nearbyint(255 * value), 0.0, 255.0)); }

class RandomErasing : public Augment::Step {
 public:
  explicit RandomErasing(const Options& options) : options_(options) {}

  void apply(Image& image, const Preprocess& preprocess, Rng& rng) const override {
    Rng own({rng.next()});  // noise takes as much chance as there are pixels
    if (own.uniform() >= options_.p) return;
    preprocess.check("random_erasing");
    to_channels(image, preprocess.size.channels);
    fill(image, box_in(image.shape, own), preprocess, own);
  }

 private:
  Box box_in(const ImageShape& shape, Rng& rng) const;
  void fill(Image& image, const Box& box, const Preprocess& preprocess, Rng& rng) const;

  Options options_;
};

/// An empty box where no try fits.
Box RandomErasing::box_in(const ImageShape& shape, Rng& rng) const {
  const auto height = static_cast<double>(shape.height), width = static_cast<double>(shape.width);
  const double log_aspect = -std::log(options_.min_aspect);
  for (int i = 0; i < kTries; ++i) {
    const double area = rng.uniform(options_.min_area, options_.max_area);
    const double aspect = std::exp(rng.uniform(-log_aspect, log_aspect));
    const double down = std::sqrt(area * aspect * width / height), across = std::sqrt(area / aspect * height / width);
    const double from_top = rng.uniform(), from_left = rng.uniform();
    if (down >= 1 || across >= 1) continue;
    Box box{.width = static_cast<int64_t>(std::nearbyint(across * width)),
            .height = static_cast<int64_t>(std::nearbyint(down * height))};
    box.top = static_cast<int64_t>(from_top * static_cast<double>(shape.height - box.height + 1));
    box.left = static_cast<int64_t>(from_left * static_cast<double>(shape.width - box.width + 1));
    return box;
  }
  return {};
}

void RandomErasing::fill(Image& image, const Box& box, const Preprocess& preprocess, Rng& rng) const {
  const int64_t channels = image.shape.channels;
  for (int64_t y = box.top; y < box.top + box.height; ++y) {
    uint8_t* pixel = image.pixels.data() + (y * image.shape.width + box.left) * channels;
    for (int64_t i = 0; i < box.width * channels; ++i) {
      const auto c = static_cast<size_t>(i % channels);
      const double noise = options_.pixel ? preprocess.std[c] * rng.normal() : 0;
      pixel[i] = to_pixel(preprocess.mean[c] + noise);
    }
  }
}

}  // namespace

AugmentStep random_erasing_step(Settings& settings) {
  Options options{};
  options.p = settings.number("p", 0.5, 0, 1, "probability that a view is erased in part");
  options.min_area = settings.number("min_area", 0.02, 0, 1, "smallest part of the area");
  options.max_area = settings.number("max_area", 1.0 / 3, 0, 1, "largest part of the area");
  options.min_aspect =
      settings.number("min_aspect", 0.3, 0.01, 1, "smallest height over width; the largest is 1 over it");
  options.pixel =
      settings.flag("pixel", false, "fills with normal noise around the mean colour, not the colour itself");
  if (options.min_area > options.max_area) {
    fail_usage("random_erasing", "min_area is ", options.min_area, ", above max_area, ", options.max_area);
  }
  return std::make_shared<RandomErasing>(options);
}

}  // namespace retort
