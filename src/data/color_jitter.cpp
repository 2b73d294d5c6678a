// torchvision's ColorJitter on Pillow images.
#include <algorithm>
#include <array>

#include "data/augment.h"
#include "data/color.h"

namespace retort {

namespace {

class ColorJitter : public Augment::Step {
 public:
  using Adjust = void (*)(Image&, double);
  struct Change {
    Adjust adjust;
    double min, max;  // of the factor
    bool wanted;
  };
  explicit ColorJitter(std::vector<Change> changes) : changes_(std::move(changes)) {}

  void apply(Image& image, const Preprocess&, Rng& rng) const override {
    std::vector<size_t> order = {0, 1, 2, 3};
    rng.shuffle(order);
    std::array<double, 4> factors;
    for (size_t i = 0; i < factors.size(); ++i) factors[i] = rng.uniform(changes_[i].min, changes_[i].max);
    for (const size_t i : order) {
      if (changes_[i].wanted) changes_[i].adjust(image, factors[i]);
    }
  }

 private:
  std::vector<Change> changes_;
};

ColorJitter::Change around_one(ColorJitter::Adjust adjust, double by) {
  return {adjust, std::max(0.0, 1 - by), 1 + by, by > 0};
}

}  // namespace

AugmentStep color_jitter_step(Settings& settings) {
  constexpr double kMax = 10;
  const double brightness = settings.number("brightness", 0.4, 0, kMax, "factor is 1 +- this, at least 0");
  const double contrast = settings.number("contrast", 0.4, 0, kMax, "factor is 1 +- this, at least 0");
  const double saturation = settings.number("saturation", 0.4, 0, kMax, "factor is 1 +- this, at least 0");
  const double hue = settings.number("hue", 0, 0, 0.5, "part of the colour circle, to both sides");
  return std::make_shared<ColorJitter>(std::vector<ColorJitter::Change>{around_one(adjust_brightness, brightness),
                                                                        around_one(adjust_contrast, contrast),
                                                                        around_one(adjust_saturation, saturation),
                                                                        {adjust_hue, -hue, hue, hue > 0}});
}

}  // namespace retort
