// PNG through libspng.
#include <spng.h>

#include <algorithm>
#include <memory>

#include "image/decode.h"

namespace retort {

namespace {

/// Deflate makes at most this many bytes of one.
constexpr size_t kMaxRatio = 1032;
/// Of one chunk beside the pixels, and of all that are kept.
constexpr size_t kMaxChunk = size_t{16} << 20, kMaxChunks = size_t{64} << 20;

using Spng = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

void check(std::string_view where, int status) {
  if (status != SPNG_OK) fail(where, "damaged PNG: ", spng_strerror(status), "; replace the file");
}

/// A reader that has read the header.
Spng open(std::string_view where, FileBytes file, spng_ihdr& header) {
  Spng png(spng_ctx_new(0), spng_ctx_free);
  if (!png) fail(where, "no memory for a PNG reader");
  check(where, spng_set_chunk_limits(png.get(), kMaxChunk, kMaxChunks));
  check(where, spng_set_png_buffer(png.get(), file.data(), file.size()));
  check(where, spng_get_ihdr(png.get(), &header));
  check(where, spng_decode_chunks(png.get()));  // to the pixels; the header's checksum is held against it only here
  check_pixels(where, header.width, header.height);
  return png;
}

ImageShape png_shape(std::string_view where, FileBytes file) {
  spng_ihdr header;
  open(where, file, header);
  return {3, header.height, header.width};
}

/// The pixels as `format`; alpha and tRNS are dropped.
template <class T>
std::vector<T> decode(std::string_view where, FileBytes file, spng_ctx* png, spng_format format) {
  size_t size = 0;
  check(where, spng_decoded_image_size(png, SPNG_FMT_PNG, &size));
  if (size / kMaxRatio > file.size())
    fail(where, "announces ", size, " bytes of pixels, which ", file.size(), " bytes of PNG cannot hold");
  check(where, spng_decoded_image_size(png, format, &size));
  std::vector<T> pixels(size / sizeof(T));
  check(where, spng_decode_image(png, pixels.data(), size, format, 0));
  return pixels;
}

void read_png(std::string_view where, FileBytes file, const Box& box, Image& out) {
  spng_ihdr header;
  const Spng png = open(where, file, header);
  Image whole;
  whole.shape = {3, header.height, header.width};
  if (header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth == 16) {
    // Pillow clips 16-bit grey, while it halves the bits of 16-bit colour.
    for (const uint16_t value : decode<uint16_t>(where, file, png.get(), SPNG_FMT_PNG))
      whole.pixels.insert(whole.pixels.end(), 3, static_cast<uint8_t>(std::min<uint16_t>(value, 255)));
  } else {
    whole.pixels = decode<uint8_t>(where, file, png.get(), SPNG_FMT_RGB8);
  }
  cut(std::move(whole), box, out);
}

}  // namespace

const Decoder kPng = {"PNG", [](FileBytes file) { return has_magic(file, 0, "\x89PNG\r\n\x1a\n"); }, png_shape,
                      read_png};

}  // namespace retort
