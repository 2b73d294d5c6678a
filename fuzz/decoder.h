/// \file decoder.h
/// The body of the decoders' fuzz targets: whatever the bytes are, they end in an image of the announced size or in an
/// Error, and a box never reaches outside.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "image/decode.h"

namespace retort {

inline void fuzz_decoder(const Decoder& decoder, const uint8_t* data, size_t size) {
  constexpr int64_t kMaxPixels = 1 << 18;  // larger ones are as slow as they are large
  const FileBytes file = std::as_bytes(std::span(data, size));
  if (!decoder.knows(file)) return;
  try {
    const ImageShape shape = decoder.shape("fuzz", file);
    if (shape.height * shape.width > kMaxPixels) return;
    const Box whole{0, 0, shape.width, shape.height};
    const Box part{shape.width / 3, shape.height / 3, (shape.width + 1) / 2, (shape.height + 1) / 2};
    for (const Box& box : {part, whole}) {
      Image image;
      decoder.read("fuzz", file, box, image);
      const bool right = image.shape == ImageShape{3, box.height, box.width};
      if (!right || std::ssize(image.pixels) != image.shape.numel()) std::abort();
    }
  } catch (const Error&) {
  }
}

}  // namespace retort
