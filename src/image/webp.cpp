// WebP through libwebp.
#include <webp/decode.h>

#include "image/decode.h"

namespace retort {

namespace {

const uint8_t* bytes_of(FileBytes file) { return reinterpret_cast<const uint8_t*>(file.data()); }

ImageShape webp_shape(std::string_view where, FileBytes file) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes_of(file), file.size(), &features) != VP8_STATUS_OK)
    fail(where, "damaged WebP: its header cannot be read; replace the file");
  if (features.has_animation) fail(where, "is an animated WebP; expected a still image; convert it or leave it out");
  check_pixels(where, features.width, features.height);
  return {3, features.height, features.width};
}

void read_webp(std::string_view where, FileBytes file, const Box& box, Image& out) {
  const ImageShape shape = webp_shape(where, file);
  Image image;
  image.resize(shape);
  const auto row = static_cast<int>(3 * shape.width);
  if (!WebPDecodeRGBInto(bytes_of(file), file.size(), image.pixels.data(), image.pixels.size(), row))
    fail(where, "damaged WebP: its data cannot be read; replace the file");
  cut(std::move(image), box, out);
}

}  // namespace

const Decoder kWebp = {"WebP", [](FileBytes file) { return has_magic(file, 0, "RIFF") && has_magic(file, 8, "WEBP"); },
                       webp_shape, read_webp};

}  // namespace retort
