#include <algorithm>
#include <array>
#include <cmath>

#include "image/resize.h"

namespace retort {

namespace {

constexpr int64_t kMaxSide = 65'536;
constexpr double kMinCropPct = 0.01, kMaxCropPct = 100;

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
const auto& row_called(std::string_view where, std::string_view what, const Rows& rows, std::string_view name) {
  std::vector<std::string> known;
  for (const auto& row : rows) {
    if (row.name == name) return row;
    known.emplace_back(row.name);
  }
  fail(where, what, " is '", name, "'; expected one of ", join(known));
}

}  // namespace

Interpolation parse_interpolation(std::string_view where, std::string_view text) {
  return row_called(where, "interpolation", kInterpolations, text).interpolation;
}
std::string_view interpolation_name(Interpolation interpolation) {
  return kInterpolations[static_cast<size_t>(interpolation)].name;
}
Preprocess::Crop parse_crop(std::string_view where, std::string_view text) {
  return row_called(where, "crop_mode", kCrops, text).crop;
}
std::string_view crop_name(Preprocess::Crop crop) { return kCrops[static_cast<size_t>(crop)].name; }

void Preprocess::check(std::string_view where) const {
  for (const int64_t side : {size.channels, size.height, size.width}) {
    if (side < 1 || side > kMaxSide) fail(where, "input_size holds ", side, "; expected 1 to ", kMaxSide);
  }
  if (!(crop_pct >= kMinCropPct && crop_pct <= kMaxCropPct)) {
    fail(where, "crop_pct is ", crop_pct, "; expected ", kMinCropPct, " to ", kMaxCropPct);
  }
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

namespace {

struct Edges {
  int64_t height, width;
};

/// Both edges of an image divided by `ratio`, as timm's ResizeKeepRatio rounds: halves to even.
Edges keep_ratio(const ImageShape& image, double ratio) {
  const auto divided = [&](int64_t edge) {
    return std::max<int64_t>(static_cast<int64_t>(std::nearbyint(static_cast<double>(edge) / ratio)), 1);
  };
  return {divided(image.height), divided(image.width)};
}

/// The shortest edge as asked, the other cut to a whole number, as torchvision's Resize does.
Edges shortest_edge(const ImageShape& image, int64_t edge) {
  const auto other = [&](int64_t longer, int64_t shorter) {
    return static_cast<int64_t>(static_cast<double>(edge * longer) / static_cast<double>(shorter));
  };
  if (image.width <= image.height) return {other(image.height, image.width), edge};
  return {edge, other(image.width, image.height)};
}

/// What an image is resized to before the crop.
Edges resized_edges(const Preprocess& to, const ImageShape& image) {
  const auto scaled = [&](int64_t edge) {
    return std::max<int64_t>(static_cast<int64_t>(std::floor(static_cast<double>(edge) / to.crop_pct)), 1);
  };
  const Edges scale = {scaled(to.size.height), scaled(to.size.width)};
  const double ratio_down = static_cast<double>(image.height) / static_cast<double>(scale.height);
  const double ratio_across = static_cast<double>(image.width) / static_cast<double>(scale.width);
  switch (to.crop) {
    case Preprocess::Crop::squash:
      return scale;
    case Preprocess::Crop::border:
      return keep_ratio(image, std::max(ratio_down, ratio_across));
    default:
      if (scale.height == scale.width) return shortest_edge(image, scale.height);
      return keep_ratio(image, std::min(ratio_down, ratio_across));
  }
}

/// Where the centre of `have` pixels and of `want` pixels meet.
struct Overlap {
  int64_t from, to, length;  ///< first of `have`, first of `want`, how many
};

/// As torchvision's center_crop: an odd margin is rounded half to even where it is cut, down where it is filled.
Overlap overlap(int64_t have, int64_t want) {
  if (have < want) return {0, (want - have) / 2, have};
  return {static_cast<int64_t>(std::nearbyint(static_cast<double>(have - want) / 2)), 0, want};
}

/// The colour of what the image does not cover: the mean for border, else black.
std::vector<uint8_t> fill_colour(const Preprocess& to) {
  std::vector<uint8_t> colour(to.mean.size());
  if (to.crop != Preprocess::Crop::border) return colour;
  std::transform(to.mean.begin(), to.mean.end(), colour.begin(),
                 [](double mean) { return static_cast<uint8_t>(std::clamp(std::nearbyint(255 * mean), 0.0, 255.0)); });
  return colour;
}

}  // namespace

void Preprocess::fit(Image& image) const {
  to_channels(image, size.channels);
  const Edges edges = resized_edges(*this, image.shape);
  const Overlap down = overlap(edges.height, size.height), across = overlap(edges.width, size.width);
  if (image.shape == size && edges.height == size.height && edges.width == size.width) return;

  Image seen;
  resize_window(image, edges.height, edges.width, {across.from, down.from, across.length, down.length}, interpolation,
                seen);
  if (seen.shape == size) {
    image = std::move(seen);
    return;
  }
  image.resize(size);
  const std::vector<uint8_t> colour = fill_colour(*this);
  for (auto pixel = image.pixels.begin(); pixel != image.pixels.end(); pixel += size.channels)
    std::copy(colour.begin(), colour.end(), pixel);
  const auto row = static_cast<size_t>(across.length * size.channels);
  for (int64_t y = 0; y < down.length; ++y) {
    std::copy_n(seen.pixels.data() + static_cast<size_t>(y) * row, row,
                image.pixels.data() + ((down.to + y) * size.width + across.to) * size.channels);
  }
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
