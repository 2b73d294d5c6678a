/// \file decode.h
/// The decoders behind Picture::of_file. All give 3 channels, as Pillow's convert("RGB").
#pragma once

#include "retort/image.h"

namespace retort {

using FileBytes = std::span<const std::byte>;

/// One kind of image file. `shape` reads the header; `read` gives the pixels inside `box`, which lies inside the shape.
/// Both throw Error, opened by `where`, on damaged files.
struct Decoder {
  std::string_view name;
  bool (*knows)(FileBytes file);
  ImageShape (*shape)(std::string_view where, FileBytes file);
  void (*read)(std::string_view where, FileBytes file, const Box& box, Image& out);
};
extern const Decoder kJpeg, kPng, kWebp;

/// Whether `file` has `magic` at byte `at`.
bool has_magic(FileBytes file, size_t at, std::string_view magic);

/// Refuses more pixels than Pillow does, before anything of that size is allocated.
void check_pixels(std::string_view where, int64_t width, int64_t height);

/// `box` of an image that was decoded whole.
void cut(Image whole, const Box& box, Image& out);

}  // namespace retort
