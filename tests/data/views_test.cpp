// The views of training: random resized crops, changes of colour, erasing. Their chance must not depend on the size
// that a network takes: teachers of other sizes see the same view.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/hash.h"
#include "retort/data.h"

namespace retort {
namespace {

// Red says the column, green the row.
Image map_image(int64_t height, int64_t width) {
  Image image;
  image.resize({3, height, width});
  for (int64_t i = 0; i < height * width; ++i) {
    uint8_t* pixel = image.pixels.data() + 3 * i;
    pixel[0] = static_cast<uint8_t>(i % width), pixel[1] = static_cast<uint8_t>(i / width), pixel[2] = 0;
  }
  return image;
}

Preprocess at_size(int64_t side) {
  return {.size = {3, side, side},
          .interpolation = Interpolation::nearest,
          .crop_pct = 1,
          .mean = {0.25, 0.5, 1},
          .std = {0.1, 0.1, 0.1}};
}

Image view_of(const Augment& augment, const Image& image, const Preprocess& preprocess, int64_t view, uint64_t id = 3) {
  Image out;
  augment.apply(Picture::of_pixels(image.pixels.data(), image.shape), preprocess, /*seed=*/7, id, view, out);
  EXPECT_EQ(out.shape, preprocess.size);
  return out;
}

// The part of map_image that a view shows. `image` must be no larger than the view, so that every pixel is seen.
Box seen(const Image& view) {
  Box low{255, 255, 0, 0}, high;
  for (size_t i = 0; i < view.pixels.size(); i += 3) {
    const int64_t x = view.pixels[i], y = view.pixels[i + 1];
    low.left = std::min(low.left, x), low.top = std::min(low.top, y);
    high.left = std::max(high.left, x), high.top = std::max(high.top, y);
  }
  return {low.left, low.top, high.left - low.left + 1, high.top - low.top + 1};
}

struct Moments {
  double sum = 0, squares = 0, count = 0;
  void add(double x) { sum += x, squares += x * x, ++count; }
  double mean() const { return sum / count; }
  double deviation() const { return std::sqrt(squares / count - mean() * mean()); }
};

TEST(RandomResizedCrop, TheBoxOfAViewIsTheSameAtEverySize) {
  const Image image = map_image(120, 150);
  const Augment augment("random_resized_crop,hflip");
  for (int64_t view = 0; view < 50; ++view) {
    const Image large = view_of(augment, image, at_size(224), view),
                small = view_of(augment, image, at_size(160), view);
    EXPECT_EQ(seen(large), seen(small));
    EXPECT_EQ(large.pixels[0] < large.pixels[3 * 223], small.pixels[0] < small.pixels[3 * 159]) << "flipped alike";
  }
}

TEST(RandomResizedCrop, FollowsOtherSteps) {
  const Image image = map_image(120, 150);
  const Augment augment("hflip:p=1,random_resized_crop");
  for (int64_t view = 0; view < 10; ++view) {
    const Image large = view_of(augment, image, at_size(224), view);
    EXPECT_EQ(seen(large), seen(view_of(augment, image, at_size(160), view)));
    EXPECT_GT(large.pixels[0], large.pixels[3 * 223]);
  }
}

// 40,000 draws of torchvision 0.29's RandomResizedCrop.get_params give these moments.
TEST(RandomResizedCrop, DrawsAsTorchvision) {
  const Image image = map_image(120, 150);
  const Augment augment("random_resized_crop");
  Moments area, log_ratio, left;
  constexpr int64_t kViews = 3000;
  for (int64_t view = 0; view < kViews; ++view) {
    const Box box = seen(view_of(augment, image, at_size(150), view));
    area.add(static_cast<double>(box.width * box.height) / (120 * 150));
    log_ratio.add(std::log(static_cast<double>(box.width) / static_cast<double>(box.height)));
    if (box.width < 150) left.add(static_cast<double>(box.left) / static_cast<double>(150 - box.width));
  }
  const double error = 4 / std::sqrt(kViews);  // four standard errors of a deviation of 1
  EXPECT_NEAR(area.mean(), 0.4557, error * 0.2283);
  EXPECT_NEAR(area.deviation(), 0.2283, error * 0.2283);
  EXPECT_NEAR(log_ratio.mean(), 0.0285, error * 0.1634);
  EXPECT_NEAR(log_ratio.deviation(), 0.1634, error * 0.1634);
  EXPECT_NEAR(left.mean(), 0.5, error * 0.35);
}

TEST(RandomResizedCrop, FallsBackToTheCentre) {
  const Image wide = map_image(30, 240);
  const Augment whole("random_resized_crop:scale_min=1");
  EXPECT_EQ(seen(view_of(whole, wide, at_size(240), 0)), (Box{100, 0, 40, 30}));
  EXPECT_EQ(seen(view_of(whole, map_image(240, 30), at_size(240), 0)), (Box{0, 100, 30, 40}));
  EXPECT_EQ(seen(view_of(Augment("random_resized_crop:scale_min=1:ratio_min=1:ratio_max=1"), map_image(90, 90),
                         at_size(90), 0)),
            (Box{0, 0, 90, 90}));
  EXPECT_EQ(seen(view_of(Augment("random_resized_crop"), map_image(1, 1), at_size(5), 0)), (Box{0, 0, 1, 1}));
}

// The part of a view of map_image that was filled with the mean colour, which is known by its blue.
Box filled(const Image& view) {
  const int64_t side = view.shape.width;
  Box low{side, side, 0, 0}, high;
  int64_t count = 0;
  for (int64_t i = 0; i < side * side; ++i) {
    const uint8_t* p = view.pixels.data() + 3 * i;
    if (p[2] == 0) continue;
    EXPECT_TRUE(p[0] == 64 && p[1] == 128 && p[2] == 255);
    low.left = std::min(low.left, i % side), low.top = std::min(low.top, i / side);
    high.left = std::max(high.left, i % side), high.top = std::max(high.top, i / side);
    ++count;
  }
  if (count == 0) return {};
  const Box box{low.left, low.top, high.left - low.left + 1, high.top - low.top + 1};
  EXPECT_EQ(count, box.width * box.height);
  return box;
}

// The mean share is that of 10,000 calls of timm 1.0.31's RandomErasing.
TEST(RandomErasing, FillsTheSamePartWithTheMeanAtEverySize) {
  const Image image = map_image(200, 200);
  const Augment augment("random_resized_crop,random_erasing:p=1");
  Moments share;
  for (int64_t view = 0; view < 1000; ++view) {
    const Box large = filled(view_of(augment, image, at_size(64), view));
    const Box small = filled(view_of(augment, image, at_size(32), view));
    share.add(static_cast<double>(large.width * large.height) / (64 * 64));
    EXPECT_LE(std::abs(large.left - 2 * small.left), 2);
    EXPECT_LE(std::abs(large.top - 2 * small.top), 2);
    EXPECT_LE(std::abs(large.width - 2 * small.width), 2);
    EXPECT_LE(std::abs(large.height - 2 * small.height), 2);
  }
  EXPECT_NEAR(share.mean(), 0.1750, 4 * 0.0902 / std::sqrt(1000));
}

TEST(RandomErasing, NoiseLiesAroundTheMean) {
  const Image image = map_image(200, 200);
  const Augment augment("random_erasing:p=1:min_area=0.3:pixel=true");
  Moments green;
  const Image out = view_of(augment, image, at_size(200), 0);
  for (size_t i = 1; i < out.pixels.size(); i += 3) {
    if (out.pixels[i + 1] != 0) green.add(out.pixels[i]);
  }
  EXPECT_GT(green.count, 0.29 * 200 * 200 * 0.99);
  EXPECT_NEAR(green.mean(), 127.5, 1);
  EXPECT_NEAR(green.deviation(), 25.5, 1);
}

TEST(RandomErasing, GreyPicturesBecomeWhatTheNetworkTakes) {
  Image grey;
  grey.resize({1, 40, 40});
  std::fill(grey.pixels.begin(), grey.pixels.end(), uint8_t{9});
  const Image out = view_of(Augment("random_resized_crop,random_erasing:p=1"), grey, at_size(40), 0);
  EXPECT_NE(std::find(out.pixels.begin(), out.pixels.end(), uint8_t{255}), out.pixels.end());
}

TEST(Views, StepsChangeOftenAsTheySay) {
  const Image image = map_image(8, 8);
  for (const auto& [spec, share] :
       {std::pair{"vflip", 0.5}, {"grayscale:p=0.2", 0.2}, {"color_jitter", 1.0}, {"random_erasing:p=0.25", 0.25}}) {
    int changed = 0;
    for (int64_t view = 0; view < 1000; ++view) {
      const Image out = view_of(Augment(spec), image, at_size(8), view);
      changed += !std::equal(out.pixels.begin(), out.pixels.end(), image.pixels.begin());
    }
    EXPECT_NEAR(changed, 1000 * share, 60) << spec;
  }
}

TEST(Views, VflipMirrorsRows) {
  const Image image = map_image(5, 5), out = view_of(Augment("vflip:p=1"), image, at_size(5), 0);
  for (int64_t y = 0; y < 5; ++y) EXPECT_EQ(out.pixels[static_cast<size_t>(3 * 5 * y + 1)], 4 - y);
}

TEST(Views, JitterOfZeroAndPlainViewsChangeNothing) {
  const Image image = map_image(16, 16);
  for (const auto& [spec, view] :
       {std::pair<const char*, int64_t>{"color_jitter:brightness=0:contrast=0:saturation=0", 4},
        {"random_resized_crop,color_jitter,random_erasing:p=1", kPlainView}}) {
    const Image out = view_of(Augment(spec), image, at_size(16), view);
    EXPECT_TRUE(std::equal(out.pixels.begin(), out.pixels.end(), image.pixels.begin())) << spec;
  }
}

// Soft labels on disk were made from these views: their pixels must never change.
TEST(Views, AreFixedForEver) {
  const std::map<std::string, std::string> hashes = {
      {"random_resized_crop,hflip", "4ff6f24e93c0f6b4414d68d0b7f19682478673df5eabdce9b39b7e5dd850e046"},
      {"random_resized_crop:scale_min=0.35,vflip,color_jitter:hue=0.1,grayscale",
       "fd35f2bcc464a2daf270acf118e447899be3264a0a4b3f82f1a3f6cbf7259df5"},
      {"random_resized_crop,hflip,random_erasing:p=0.9",
       "fa21c1141657c79d2dba5e6f766150b197b5b43f251e36af424b7b74c1d9fbf3"},
      {"random_erasing:p=1:pixel=true,random_resized_crop",
       "d38da38664284c1f9d2e5e0fffd21a0b940d85caa9dd92e90614f43add869f7c"}};
  const Image image = map_image(61, 47);
  Preprocess preprocess = at_size(24);
  preprocess.interpolation = Interpolation::bicubic;
  for (const auto& [spec, hash] : hashes) {
    Sha256 all;
    for (int64_t view = 0; view < 32; ++view) {
      const Image out = view_of(Augment(spec), image, preprocess, view);
      all.add(std::as_bytes(std::span(out.pixels)));
    }
    EXPECT_EQ(all.hex(), hash) << spec;
  }
}

}  // namespace
}  // namespace retort
