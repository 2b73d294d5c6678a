#include "data/color.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace retort {
namespace {

// The image of tools/color_golden.py.
Image golden_image(bool grey) {
  constexpr int64_t kHeight = 64, kWidth = 96, kGreyRows = 8;
  Image image;
  image.resize({3, kHeight, kWidth});
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(mix64(i));
  for (size_t i = 0; i < kGreyRows * kWidth; ++i) {
    uint8_t* p = image.pixels.data() + 3 * i;
    const int half = p[0] / 2;
    for (int c = 0; c < 3; ++c) p[c] = static_cast<uint8_t>(half + p[c] % 4);
  }
  if (!grey) return image;
  Image first;
  first.resize({1, kHeight, kWidth});
  for (size_t i = 0; i < first.pixels.size(); ++i) first.pixels[i] = image.pixels[3 * i];
  return first;
}

TEST(Color, ChangesAreTorchvisionsOnPillow) {
  const std::map<std::string, void (*)(Image&, double)> changes = {{"brightness", adjust_brightness},
                                                                   {"contrast", adjust_contrast},
                                                                   {"saturation", adjust_saturation},
                                                                   {"hue", adjust_hue}};
  const Json golden = test::read_golden("color.json");
  EXPECT_EQ(golden["rows"].size(), 36u);
  for (const Json& row : golden["rows"]) {
    Image image = golden_image(row["image"] == "grey");
    changes.at(row["change"])(image, row["factor"]);
    EXPECT_EQ(Sha256().add(std::as_bytes(std::span(image.pixels))).hex(), row["sha256"]) << row;
  }
}

}  // namespace
}  // namespace retort
