#include "image/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iomanip>

#include "image/noise.h"
#include "support/expect_error.h"
#include "support/golden.h"

namespace retort {
namespace {

using test::expect_error;
using test::noise;
using test::read_golden;

ImageShape shape_of(const Json& json) {
  return {json.at(0).get<int64_t>(), json.at(1).get<int64_t>(), json.at(2).get<int64_t>()};
}

std::string hash_of(const Image& image) {
  std::ostringstream out;
  out << std::hex << std::setfill('0') << std::setw(16) << test::hash(image);
  return out.str();
}

Preprocess preprocess_of(const Json& row) {
  Preprocess p{.size = shape_of(row.at("size")),
               .interpolation = parse_interpolation("golden", row.at("interpolation").get<std::string>()),
               .crop_pct = row.at("crop_pct").get<double>(),
               .crop = parse_crop("golden", row.at("crop_mode").get<std::string>()),
               .mean = row.at("mean").get<std::vector<double>>()};
  p.std.assign(p.mean.size(), 0.25);
  return p;
}

TEST(Resize, GivesPillowsBytes) {
  const Json golden = read_golden("resize.json");
  ASSERT_EQ(golden.at("resize").size(), 50u);
  for (const Json& row : golden.at("resize")) {
    Image out;
    resize_image(noise(shape_of(row.at("image"))), row.at("to").at(0).get<int64_t>(), row.at("to").at(1).get<int64_t>(),
                 parse_interpolation("golden", row.at("interpolation").get<std::string>()), out);
    EXPECT_EQ(hash_of(out), row.at("fnv1a").get<std::string>()) << row.dump();
  }
}

TEST(Resize, FitGivesTimmsBytes) {
  const Json golden = read_golden("resize.json");
  ASSERT_EQ(golden.at("fit").size(), 17u);
  for (const Json& row : golden.at("fit")) {
    Image image = noise(shape_of(row.at("image")));
    preprocess_of(row).fit(image);
    EXPECT_EQ(image.shape, shape_of(row.at("size")));
    EXPECT_EQ(hash_of(image), row.at("fnv1a").get<std::string>()) << row.dump();
  }
}

constexpr Interpolation kAll[] = {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic,
                                  Interpolation::lanczos, Interpolation::box};

TEST(Resize, SameSizeIsTheSameImage) {
  const Image in = noise({3, 19, 23});
  for (const Interpolation interpolation : kAll) {
    Image out;
    resize_image(in, 19, 23, interpolation, out);
    EXPECT_EQ(out.pixels, in.pixels);
  }
}

TEST(Resize, OneColourStaysOneColour) {
  for (const Interpolation interpolation : kAll) {
    for (const uint8_t value : {0, 1, 127, 254, 255}) {
      Image in, out;
      in.resize({1, 37, 5});
      std::fill(in.pixels.begin(), in.pixels.end(), value);
      resize_image(in, 11, 50, interpolation, out);
      EXPECT_EQ(out.pixels, std::vector<uint8_t>(550, value)) << interpolation_name(interpolation);
    }
  }
}

TEST(Resize, AWindowIsACutOfTheWhole) {
  const Image in = noise({3, 50, 60});
  for (const Interpolation interpolation : kAll) {
    for (const auto& [height, width] : {std::pair(31, 90), std::pair(50, 20), std::pair(77, 60), std::pair(50, 60)}) {
      Image whole, window, cut;
      resize_image(in, height, width, interpolation, whole);
      const Box box{7, 13, 11, 17};
      resize_window(in, height, width, box, interpolation, window);
      Picture::of_pixels(whole.pixels.data(), whole.shape).read(box, cut);
      EXPECT_EQ(window.shape, cut.shape);
      EXPECT_EQ(window.pixels, cut.pixels) << interpolation_name(interpolation) << height;
    }
  }
}

TEST(Resize, RefusesImpossibleSizes) {
  Image out;
  const Image in = noise({3, 4, 4});
  expect_error([&] { resize_image(in, 0, 4, Interpolation::box, out); }, {"[resize]", "4 x 4 to 4 x 0"});
  expect_error([&] { resize_image(in, 4, int64_t{1} << 40, Interpolation::box, out); }, {"[resize]", "expected sides"});
  expect_error([&] { resize_image(Image{}, 4, 4, Interpolation::box, out); }, {"[resize]", "0 x 0"});
}

Preprocess to(ImageShape size, double crop_pct, Preprocess::Crop crop = Preprocess::Crop::center) {
  const std::vector<double> half(static_cast<size_t>(size.channels), 0.5);
  return {.size = size, .crop_pct = crop_pct, .crop = crop, .mean = half, .std = half};
}

TEST(Fit, LeavesAnImageThatFits) {
  const Image in = noise({3, 32, 32});
  for (const auto crop : {Preprocess::Crop::center, Preprocess::Crop::squash, Preprocess::Crop::border}) {
    Image image = in;
    to({3, 32, 32}, 1, crop).fit(image);
    EXPECT_EQ(image.pixels, in.pixels) << crop_name(crop);
  }
}

TEST(Fit, MakesGreyOfColourAndColourOfGrey) {
  Image image = noise({1, 30, 40});
  to({3, 16, 16}, 0.875).fit(image);
  EXPECT_EQ(image.shape, (ImageShape{3, 16, 16}));
  for (size_t i = 0; i < image.pixels.size(); i += 3) EXPECT_EQ(image.pixels[i], image.pixels[i + 2]);
  image = noise({3, 30, 40});
  to({1, 16, 16}, 0.875).fit(image);
  EXPECT_EQ(image.shape, (ImageShape{1, 16, 16}));
}

// The resized image would have 224 x 67 million pixels; only the crop is computed.
TEST(Fit, TakesExtremeAspects) {
  for (const auto crop : {Preprocess::Crop::center, Preprocess::Crop::squash, Preprocess::Crop::border}) {
    for (const ImageShape shape : {ImageShape{3, 1, 30'000}, ImageShape{3, 30'000, 1}, ImageShape{3, 1, 1}}) {
      Image image = noise(shape);
      to({3, 224, 160}, 0.9, crop).fit(image);
      EXPECT_EQ(image.shape, (ImageShape{3, 224, 160})) << crop_name(crop);
    }
  }
}

TEST(Fit, BorderIsFilledWithTheMean) {
  Image image = noise({3, 8, 80});
  Preprocess p = to({3, 40, 40}, 1, Preprocess::Crop::border);
  p.mean = {0, 0.5, 2};
  p.fit(image);
  EXPECT_EQ((std::vector<uint8_t>(image.pixels.begin(), image.pixels.begin() + 3)),
            (std::vector<uint8_t>{0, 128, 255}));
}

TEST(Fit, RefusesCropPctOutOfRange) {
  for (const double crop_pct : {0.0, -1.0, 1e-9, 1e9, std::nan("")})
    expect_error([&] { to({3, 8, 8}, crop_pct).check("file"); }, {"[file]", "crop_pct"});
}

}  // namespace
}  // namespace retort
