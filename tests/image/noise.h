/// \file noise.h
/// The made-up pixels of tests/golden/resize.json.
#pragma once

#include <string_view>

#include "base/hash.h"
#include "base/random.h"
#include "retort/image.h"

namespace retort::test {

inline Image noise(ImageShape shape) {
  Image image;
  image.resize(shape);
  auto state = static_cast<uint64_t>(shape.height * 1'000'000 + shape.width * 1'000 + shape.channels);
  for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(mix64(state += 0x9E3779B97F4A7C15ull) >> 56);
  return image;
}

inline uint64_t hash(const Image& image) {
  return fnv1a({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()});
}

}  // namespace retort::test
