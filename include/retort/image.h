/// \file image.h
/// Image files and pixels: decoding, Pillow's resampling, and the one Preprocess that evaluation, training, export and
/// server share. Everything here is a pure function, thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "retort/base.h"

namespace retort {

/// Size of an image in pixels. Pixels lie as [height, width, channels], 8 bits each.
struct ImageShape {
  int64_t channels = 0, height = 0, width = 0;
  int64_t numel() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

/// 8-bit pixels in memory, [H, W, C]. A value; reused as an output it keeps its memory.
struct Image {
  ImageShape shape;
  std::vector<uint8_t> pixels;

  /// Gives it this shape; pixels are undefined.
  void resize(ImageShape to);
};

/// A rectangle of whole pixels inside an image.
struct Box {
  int64_t left = 0, top = 0, width = 0, height = 0;
  bool operator==(const Box&) const = default;
};

/// A picture that may not be decoded yet: its size is known, and a part of it can be had for less than the whole.
class Picture {
 public:
  /// Pixels that lie in memory; they must outlive the picture.
  static Picture of_pixels(const uint8_t* pixels, ImageShape shape);
  /// A JPEG, PNG or WebP file, known by its first bytes; its header is read now, its pixels later. What it gives is
  /// what Pillow's `open(file).convert("RGB")` gives: 3 channels, alpha dropped, palettes and grey expanded, CMYK
  /// converted, EXIF rotation ignored; docs/formats.md has the rest. `where` opens its errors. Throws Error on another
  /// kind of file, a damaged header, and more than 178 million pixels.
  static Picture of_file(std::string where, std::vector<std::byte> bytes);

  const ImageShape& shape() const { return shape_; }
  Box whole() const { return {0, 0, shape_.width, shape_.height}; }
  /// The pixels inside `box`, which must lie inside the picture. Throws Error on damaged data that it comes across.
  void read(const Box& box, Image& out) const;

 private:
  std::string where_;
  ImageShape shape_;
  const uint8_t* pixels_ = nullptr;  ///< of_pixels
  std::vector<std::byte> file_;      ///< of_file
};

/// Pillow's filters.
enum class Interpolation { nearest, bilinear, bicubic, lanczos, box };
/// timm's names: "nearest", "bilinear", "bicubic", "lanczos", "box". Throws Error, opened by `where`, on anything else.
Interpolation parse_interpolation(std::string_view where, std::string_view text);
std::string_view interpolation_name(Interpolation interpolation);

/// `in` at another size, as Pillow 9.5 to 12.0's `Image.resize` computes it, bit for bit: antialiased, horizontally
/// first, rounded to 8 bits between the passes. `out` is another image than `in`. Throws Error on an empty image and on
/// sides beyond 2^26.
void resize_image(const Image& in, int64_t height, int64_t width, Interpolation interpolation, Image& out);

/// Pixels with `channels` channels: grey to colour repeats, colour to grey is Pillow's L (ITU-R 601). Throws Error on
/// other changes.
void to_channels(Image& image, int64_t channels);

/// How an image becomes a network's input: timm's evaluation transform. Also says what a training view must become.
struct Preprocess {
  enum class Crop {
    center,  ///< shortest edge to size / crop_pct, then the centre
    squash,  ///< both edges to size / crop_pct whatever the aspect, then the centre
    border,  ///< longest edge to size / crop_pct, then the centre, the rest filled with the mean colour
  };
  ImageShape size;  ///< of the network's input
  Interpolation interpolation = Interpolation::bicubic;
  double crop_pct = 0.875;
  Crop crop = Crop::center;
  std::vector<double> mean, std;  ///< per channel, of pixels scaled to [0, 1]

  bool operator==(const Preprocess&) const = default;
  /// Throws Error where a number is out of range or counts disagree.
  void check(std::string_view where) const;
  /// Converts, resizes and crops to `size`, timm's bytes; an image that already has it (with crop_pct 1) stays as it
  /// is.
  void fit(Image& image) const;
};
/// timm's names: "center", "squash", "border". Throws Error, opened by `where`, on anything else.
Preprocess::Crop parse_crop(std::string_view where, std::string_view text);
std::string_view crop_name(Preprocess::Crop crop);

/// (pixel / 255 - mean) / std, by table: images of `size` to float32 [H, W, C].
class Normalizer {
 public:
  explicit Normalizer(const Preprocess& preprocess);
  void operator()(const Image& image, float* out) const;

 private:
  std::vector<float> table_;  ///< [channel][pixel]
};

}  // namespace retort
