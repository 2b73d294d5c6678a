#include "retort/image.h"

#include <cstring>

namespace retort {

void Image::resize(ImageShape to) {
  shape = to;
  pixels.resize(static_cast<size_t>(to.numel()));
}

Picture Picture::of_pixels(const uint8_t* pixels, ImageShape shape) {
  Picture picture;
  picture.shape_ = shape;
  picture.pixels_ = pixels;
  return picture;
}

Picture Picture::of_file(std::string where, std::vector<std::byte>) { fail(where, "image files are not read yet"); }

void Picture::read(const Box& box, Image& out) const {
  out.resize({shape_.channels, box.height, box.width});
  if (box == whole()) {
    std::memcpy(out.pixels.data(), pixels_, out.pixels.size());
    return;
  }
  const auto row = static_cast<size_t>(box.width * shape_.channels);
  for (int64_t y = 0; y < box.height; ++y) {
    std::memcpy(out.pixels.data() + static_cast<size_t>(y) * row,
                pixels_ + ((box.top + y) * shape_.width + box.left) * shape_.channels, row);
  }
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
