// Szegedy et al. 2015; torchvision's RandomResizedCrop draws the box.
#include <algorithm>
#include <cmath>

#include "data/augment.h"

namespace retort {

namespace {

struct Range {
  double min, max;
};

class RandomResizedCrop : public Augment::Step {
 public:
  RandomResizedCrop(Range scale, Range ratio) : scale_(scale), ratio_(ratio) {}

  void begin(const Picture& picture, const Preprocess& preprocess, Rng& rng, Image& out) const override {
    thread_local Image part;
    picture.read(box_in(picture.shape(), rng), part);
    resize_image(part, preprocess.size.height, preprocess.size.width, preprocess.interpolation, out);
  }
  void apply(Image& image, const Preprocess& preprocess, Rng& rng) const override {
    thread_local Image whole;
    std::swap(whole, image);
    begin(Picture::of_pixels(whole.pixels.data(), whole.shape), preprocess, rng, image);
  }
  bool fits() const override { return true; }

 private:
  Box box_in(const ImageShape& shape, Rng& rng) const;
  Box central_box(const ImageShape& shape) const;

  Range scale_, ratio_;
};

constexpr int kTries = 10;

int64_t rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

/// The largest box in the middle whose ratio is allowed.
Box RandomResizedCrop::central_box(const ImageShape& shape) const {
  Box box{0, 0, shape.width, shape.height};
  const double ratio = static_cast<double>(shape.width) / static_cast<double>(shape.height);
  if (ratio < ratio_.min) box.height = rounded(static_cast<double>(shape.width) / ratio_.min);
  if (ratio > ratio_.max) box.width = rounded(static_cast<double>(shape.height) * ratio_.max);
  box.height = std::clamp<int64_t>(box.height, 1, shape.height);
  box.width = std::clamp<int64_t>(box.width, 1, shape.width);
  box.top = (shape.height - box.height) / 2;
  box.left = (shape.width - box.width) / 2;
  return box;
}

Box RandomResizedCrop::box_in(const ImageShape& shape, Rng& rng) const {
  Rng own({rng.next()});  // how many tries it takes does not move the chance of the steps behind
  const auto area = static_cast<double>(shape.height * shape.width);
  for (int i = 0; i < kTries; ++i) {
    const double target = area * own.uniform(scale_.min, scale_.max);
    const double ratio = std::exp(own.uniform(std::log(ratio_.min), std::log(ratio_.max)));
    Box box{.width = rounded(std::sqrt(target * ratio)), .height = rounded(std::sqrt(target / ratio))};
    if (box.width < 1 || box.width > shape.width || box.height < 1 || box.height > shape.height) continue;
    box.top = static_cast<int64_t>(own.below(static_cast<uint64_t>(shape.height - box.height + 1)));
    box.left = static_cast<int64_t>(own.below(static_cast<uint64_t>(shape.width - box.width + 1)));
    return box;
  }
  return central_box(shape);
}

void check_order(std::string_view what, const Range& range) {
  if (range.min > range.max)
    fail_usage("random_resized_crop", what, "_min is ", range.min, ", above ", what, "_max, ", range.max);
}

}  // namespace

AugmentStep random_resized_crop_step(Settings& settings) {
  constexpr double kMaxRatio = 100;
  const Range scale{settings.number("scale_min", 0.08, 1e-6, 1, "smallest part of the picture's area"),
                    settings.number("scale_max", 1, 1e-6, 1, "largest part of the picture's area")};
  const Range ratio{settings.number("ratio_min", 3.0 / 4, 1 / kMaxRatio, kMaxRatio, "smallest width over height"),
                    settings.number("ratio_max", 4.0 / 3, 1 / kMaxRatio, kMaxRatio, "largest width over height")};
  check_order("scale", scale);
  check_order("ratio", ratio);
  return std::make_shared<RandomResizedCrop>(scale, ratio);
}

}  // namespace retort
