#include "retort/image.h"

#include <cstring>

namespace retort {

void Image::resize(ImageShape to) {
  shape = to;
  pixels.resize(static_cast<size_t>(to.numel()));
}

void to_channels(Image& image, int64_t channels) {
  const int64_t have = image.shape.channels;
  if (have == channels) return;
  const auto count = static_cast<size_t>(image.shape.height * image.shape.width);
  const std::vector<uint8_t> from = std::move(image.pixels);
  image.resize({channels, image.shape.height, image.shape.width});
  if (have == 1) {
    for (size_t i = 0; i < count; ++i)
      std::memset(image.pixels.data() + i * static_cast<size_t>(channels), from[i], static_cast<size_t>(channels));
  } else if (have == 3 && channels == 1) {
    for (size_t i = 0; i < count; ++i) {
      const uint32_t grey = 19595u * from[3 * i] + 38470u * from[3 * i + 1] + 7471u * from[3 * i + 2] + 0x8000u;
      image.pixels[i] = static_cast<uint8_t>(grey >> 16);
    }
  } else {
    fail("image", "an image has ", have, " channels; the model takes ", channels, "; only grey and colour convert");
  }
}

}  // namespace retort
