#include <algorithm>
#include <array>
#include <cmath>

#include "retort/image.h"

namespace retort {

namespace {

constexpr int64_t kMaxSide = 65'536;

struct InterpolationName {
  Interpolation interpolation;
  std::string_view name;
};
constexpr std::array kInterpolations = {
    InterpolationName{Interpolation::nearest, "nearest"}, InterpolationName{Interpolation::bilinear, "bilinear"},
    InterpolationName{Interpolation::bicubic, "bicubic"}, InterpolationName{Interpolation::lanczos, "lanczos"},
    InterpolationName{Interpolation::box, "box"}};

struct CropName {
  Preprocess::Crop crop;
  std::string_view name;
};
constexpr std::array kCrops = {CropName{Preprocess::Crop::center, "center"},
                               CropName{Preprocess::Crop::squash, "squash"},
                               CropName{Preprocess::Crop::border, "border"}};

template <class Rows>
const auto& row_called(std::string_view what, const Rows& rows, std::string_view name) {
  std::vector<std::string> known;
  for (const auto& row : rows) {
    if (row.name == name) return row;
    known.emplace_back(row.name);
  }
  fail_usage("preprocess", what, " is '", name, "'; expected one of ", join(known));
}

}  // namespace

Interpolation parse_interpolation(std::string_view text) {
  return row_called("interpolation", kInterpolations, text).interpolation;
}
std::string_view interpolation_name(Interpolation interpolation) {
  return kInterpolations[static_cast<size_t>(interpolation)].name;
}
Preprocess::Crop parse_crop(std::string_view text) { return row_called("crop_mode", kCrops, text).crop; }
std::string_view crop_name(Preprocess::Crop crop) { return kCrops[static_cast<size_t>(crop)].name; }

void Preprocess::check(std::string_view where) const {
  for (const int64_t side : {size.channels, size.height, size.width}) {
    if (side < 1 || side > kMaxSide) fail(where, "input_size holds ", side, "; expected 1 to ", kMaxSide);
  }
  if (!std::isfinite(crop_pct) || crop_pct <= 0) fail(where, "crop_pct is ", crop_pct, "; expected above 0");
  for (const auto* values : {&mean, &std}) {
    const char* name = values == &mean ? "mean" : "std";
    if (std::ssize(*values) != size.channels) {
      fail(where, name, " has ", values->size(), " numbers; expected one for each of ", size.channels, " channels");
    }
    for (const double value : *values) {
      const bool good = std::isfinite(value) && (values == &mean || value > 0);
      if (!good)
        fail(where, name, " holds ", value, "; expected a ", values == &mean ? "finite" : "positive", " number");
    }
  }
}

void Preprocess::fit(Image& image) const {
  to_channels(image, size.channels);
  if (image.shape == size && crop_pct == 1) return;
  fail("preprocess", "resizing is not there yet");
}

Normalizer::Normalizer(const Preprocess& preprocess) {
  preprocess.check("preprocess");
  for (size_t c = 0; c < preprocess.mean.size(); ++c) {
    for (int p = 0; p < 256; ++p) {
      table_.push_back(static_cast<float>((p / 255.0 - preprocess.mean[c]) / preprocess.std[c]));
    }
  }
}

void Normalizer::operator()(const Image& image, float* out) const {
  const auto channels = static_cast<size_t>(image.shape.channels);
  for (size_t c = 0; c < channels; ++c) {
    const float* table = table_.data() + 256 * c;
    for (size_t i = c; i < image.pixels.size(); i += channels) out[i] = table[image.pixels[i]];
  }
}

}  // namespace retort
