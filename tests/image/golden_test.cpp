// tests/golden/images.json: files of many kinds through timm's evaluation transform, as means of 8 x 8 cells.
#include "support/golden.h"

#include <gtest/gtest.h>

#include <cmath>

#include "image/files.h"

namespace retort {
namespace {

using Cells = std::vector<std::vector<std::vector<double>>>;

Preprocess preprocess_of(const Json& transform) {
  const auto size = transform.at("input_size").get<std::vector<int64_t>>();
  return {.size = {size[0], size[1], size[2]},
          .interpolation = parse_interpolation("golden", transform.at("interpolation").get<std::string>()),
          .crop_pct = transform.at("crop_pct").get<double>(),
          .mean = transform.at("mean").get<std::vector<double>>(),
          .std = transform.at("std").get<std::vector<double>>()};
}

/// [C][8][8] means of [H, W, C].
Cells cells_of(const std::vector<float>& pixels, const ImageShape& shape) {
  Cells cells(static_cast<size_t>(shape.channels), std::vector(8, std::vector<double>(8)));
  const int64_t high = shape.height / 8, wide = shape.width / 8;
  size_t i = 0;
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      for (auto& channel : cells)
        channel[static_cast<size_t>(y / high)][static_cast<size_t>(x / wide)] +=
            pixels[i++] / static_cast<double>(high * wide);
    }
  }
  return cells;
}

TEST(Golden, FilesBecomeTimmsInput) {
  const Json golden = test::read_golden("images.json");
  ASSERT_EQ(golden.size(), 40u);
  for (const Json& row : golden) {
    const Picture picture = test::picture_of(read_file(RETORT_GOLDEN "/images/" + row.at("file").get<std::string>()));
    EXPECT_EQ(picture.shape().height, row.at("size").at(0).get<int64_t>());
    EXPECT_EQ(picture.shape().width, row.at("size").at(1).get<int64_t>());
    const Preprocess preprocess = preprocess_of(row.at("transform"));
    Image image = test::pixels_of(picture);
    preprocess.fit(image);
    std::vector<float> input(image.pixels.size());
    Normalizer{preprocess}(image, input.data());
    const Cells cells = cells_of(input, preprocess.size), expected = row.at("grid").get<Cells>();
    double worst = 0;
    for (size_t c = 0; c < cells.size(); ++c) {
      for (size_t y = 0; y < 8; ++y) {
        for (size_t x = 0; x < 8; ++x) worst = std::max(worst, std::abs(cells[c][y][x] - expected[c][y][x]));
      }
    }
    EXPECT_LE(worst, 0.02) << row.at("file") << row.at("transform");
  }
}

}  // namespace
}  // namespace retort
