#include <algorithm>
#include <cstring>

#include "data/augment.h"

namespace retort {

namespace {

class RandomCrop : public Augment::Step {
 public:
  explicit RandomCrop(int64_t padding) : padding_(padding) {}

  void apply(Image& image, const Preprocess&, Rng& rng) const override {
    const auto offsets = static_cast<uint64_t>(2 * padding_ + 1);
    // Where the cut begins, counted from the image's corner: its first rows or columns may lie in the padding.
    const int64_t top = static_cast<int64_t>(rng.below(offsets)) - padding_;
    const int64_t left = static_cast<int64_t>(rng.below(offsets)) - padding_;
    const ImageShape& shape = image.shape;
    const int64_t row = shape.width * shape.channels;
    const int64_t first_x = std::clamp<int64_t>(-left, 0, shape.width);
    const int64_t last_x = std::clamp<int64_t>(shape.width - left, first_x, shape.width);
    thread_local std::vector<uint8_t> cut;
    cut.assign(image.pixels.size(), 0);
    for (int64_t y = std::max<int64_t>(0, -top); y < std::min(shape.height, shape.height - top); ++y) {
      std::memcpy(cut.data() + y * row + first_x * shape.channels,
                  image.pixels.data() + (y + top) * row + (first_x + left) * shape.channels,
                  static_cast<size_t>((last_x - first_x) * shape.channels));
    }
    std::swap(cut, image.pixels);
  }

 private:
  int64_t padding_;
};

}  // namespace

AugmentStep random_crop_step(Settings& settings) {
  return std::make_shared<RandomCrop>(settings.integer("padding", 4, 0, 4096, "pixels of zeros on each side"));
}

}  // namespace retort
