#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "retort/data.h"

namespace retort {
namespace {

using Pixels = std::vector<uint8_t>;

// As a key: g++ 12 warns wrongly where vectors of bytes are compared.
std::string key(const Pixels& pixels) { return {pixels.begin(), pixels.end()}; }

Pixels counting(ImageShape shape) {
  Pixels pixels(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i + 1);
  return pixels;
}

Pixels view_of(const Augment& augment, const Pixels& pixels, ImageShape shape, int64_t view, uint64_t id = 5,
               uint64_t seed = 7) {
  Image out;
  augment.apply(Picture::of_pixels(pixels.data(), shape), {.size = shape, .crop_pct = 1}, seed, id, view, out);
  EXPECT_EQ(out.shape, shape);
  return out.pixels;
}

// The window at (top, left) of the image with zeros around it.
Pixels window(const Pixels& pixels, ImageShape shape, int64_t top, int64_t left) {
  Pixels out;
  for (int64_t y = top; y < top + shape.height; ++y) {
    for (int64_t x = left; x < left + shape.width; ++x) {
      const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
      for (int64_t c = 0; c < shape.channels; ++c) {
        const int64_t from = (y * shape.width + x) * shape.channels + c;
        out.push_back(inside ? pixels[static_cast<size_t>(from)] : uint8_t{0});
      }
    }
  }
  return out;
}

TEST(Augment, CropsAreTheWindowsOfThePaddedImageEquallyOften) {
  for (const ImageShape shape : {ImageShape{1, 3, 4}, ImageShape{3, 2, 3}}) {
    for (const int64_t padding : {1, 4}) {
      const Augment augment(str("random_crop:padding=", padding));
      const Pixels pixels = counting(shape);
      std::map<std::string, int> expected, found;
      for (int64_t top = -padding; top <= padding; ++top) {
        for (int64_t left = -padding; left <= padding; ++left) ++expected[key(window(pixels, shape, top, left))];
      }
      const int64_t places = (2 * padding + 1) * (2 * padding + 1);
      for (int64_t view = 0; view < 100 * places; ++view) ++found[key(view_of(augment, pixels, shape, view))];
      EXPECT_EQ(found.size(), expected.size());
      for (const auto& [image, count] : found) {
        ASSERT_TRUE(expected.contains(image));
        const double want = 100.0 * expected[image];
        EXPECT_NEAR(count, want, 6 * std::sqrt(want));
      }
    }
  }
}

TEST(Augment, CropWithoutPaddingChangesNothing) {
  const ImageShape shape{3, 4, 5};
  EXPECT_EQ(view_of(Augment("random_crop:padding=0"), counting(shape), shape, 3), counting(shape));
}

TEST(Augment, FlipMirrorsColumnsAndKeepsChannels) {
  const ImageShape shape{2, 2, 3};
  const Pixels mirrored = {5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8};
  EXPECT_EQ(view_of(Augment("hflip:p=1"), counting(shape), shape, 0), mirrored);
  EXPECT_EQ(view_of(Augment("hflip:p=0"), counting(shape), shape, 0), counting(shape));
  const Augment half("hflip");
  int flips = 0;
  for (int64_t view = 0; view < 1000; ++view) {
    const Pixels out = view_of(half, counting(shape), shape, view);
    flips += out == mirrored;
    EXPECT_TRUE(out == mirrored || out == counting(shape));
  }
  EXPECT_NEAR(flips, 500, 80);
}

TEST(Augment, StepsFollowOneAnother) {
  const ImageShape shape{1, 3, 3};
  const Pixels pixels = counting(shape);
  const Pixels once = view_of(Augment("hflip:p=1"), pixels, shape, 0);
  EXPECT_EQ(view_of(Augment("hflip:p=1,hflip:p=1"), pixels, shape, 0), pixels);
  EXPECT_EQ(view_of(Augment("hflip:p=1,hflip:p=1,hflip:p=1"), pixels, shape, 0), once);
  EXPECT_EQ(view_of(Augment("hflip:p=1,hflip:p=0,hflip:p=1,random_crop:padding=0"), pixels, shape, 0), pixels);
}

TEST(Augment, PlainViewAndEmptyTextCopy) {
  const ImageShape shape{1, 5, 5};
  EXPECT_EQ(view_of(Augment("random_crop,hflip:p=1"), counting(shape), shape, kPlainView), counting(shape));
  EXPECT_EQ(view_of(Augment(), counting(shape), shape, 4), counting(shape));
  EXPECT_EQ(Augment("random_crop,hflip:p=1").spec(), "random_crop,hflip:p=1");
}

TEST(Augment, ViewsDifferBySeedIdAndNumber) {
  const ImageShape shape{1, 28, 28};
  const Pixels pixels = counting(shape);
  const Augment augment("random_crop:padding=14,hflip");
  std::set<std::string> views;
  for (uint64_t i = 0; i < 4; ++i) {
    views.insert(key(view_of(augment, pixels, shape, static_cast<int64_t>(10 + i), 1, 1)));
    views.insert(key(view_of(augment, pixels, shape, 0, 10 + i, 1)));
    views.insert(key(view_of(augment, pixels, shape, 0, 1, 10 + i)));
  }
  EXPECT_EQ(views.size(), 12u);
}

// Soft labels on disk were made from these views: their pixels must never change.
TEST(Augment, ViewsAreFixedForEver) {
  const ImageShape shape{3, 9, 8};
  const Augment augment("random_crop:padding=4,hflip");
  Sha256 hash;
  for (int64_t view = 0; view < 64; ++view) {
    const Pixels out = view_of(augment, counting(shape), shape, view);
    hash.add(std::as_bytes(std::span(out)));
  }
  EXPECT_EQ(hash.hex(), "88b35777fada958bf47bd636862b0ca9536b4a9ae72f57dd53672f37b2a799d3");
}

TEST(Augment, RefusesBadSpecs) {
  for (const char* spec : {"random_corp",
                           ",",
                           "hflip,",
                           ",hflip",
                           "hflip,,hflip",
                           "hflip:q=1",
                           "hflip:p=2",
                           "hflip:p=nan",
                           "hflip:p",
                           "hflip:p=0.1:p=0.2",
                           "random_crop:padding=-1",
                           "random_crop:padding=1.5",
                           "random_crop:padding=",
                           " hflip",
                           "random_resized_crop:scale_min=0",
                           "random_resized_crop:scale_min=0.5:scale_max=0.4",
                           "random_resized_crop:ratio_min=2",
                           "random_erasing:min_area=0.5",
                           "random_erasing:pixel=2",
                           "color_jitter:hue=0.6",
                           "color_jitter:contrast=-1"}) {
    try {
      const Augment augment{std::string(spec)};
      ADD_FAILURE() << "accepted " << spec;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::usage) << error.what();
    }
  }
}

TEST(Augment, ListsStepsWithTheirSettings) {
  std::map<std::string, std::string> defaults;
  for (const ListedItem& item : list_augmentations()) {
    EXPECT_FALSE(item.help.empty());
    EXPECT_FALSE(item.settings.empty()) << item.name;
    std::string all = item.name;
    for (const SettingInfo& setting : item.settings) {
      EXPECT_FALSE(setting.help.empty()) << item.name << ' ' << setting.name;
      defaults[item.name + ":" + setting.name] = setting.default_value;
      all += ":" + setting.name + "=" + setting.default_value;
    }
    EXPECT_NO_THROW(Augment{item.name});
    EXPECT_NO_THROW(Augment{all});
  }
  EXPECT_EQ(defaults.at("random_crop:padding"), "4");
  EXPECT_EQ(defaults.at("hflip:p"), "0.5");
  EXPECT_EQ(defaults.at("random_resized_crop:scale_min"), "0.08");
  EXPECT_EQ(defaults.at("random_erasing:pixel"), "false");
}

}  // namespace
}  // namespace retort
