#include <algorithm>
#include <array>
#include <cstring>

#include "image/decode.h"

namespace retort {

namespace {

/// Twice Pillow's MAX_IMAGE_PIXELS, where it raises DecompressionBombError.
constexpr int64_t kMaxPixels = 178'956'970;

constexpr std::array kDecoders = {&kJpeg, &kPng, &kWebp};

/// Kinds that are known by name only, so that the error can say it.
struct OtherKind {
  size_t at;
  std::string_view magic, name;
};
constexpr std::array kOtherKinds = {
    OtherKind{0, "GIF8", "a GIF"},     OtherKind{0, "BM", "a BMP"},           OtherKind{0, "II*", "a TIFF"},
    OtherKind{0, "MM", "a TIFF"},      OtherKind{4, "ftypavif", "an AVIF"},   OtherKind{4, "ftyp", "a HEIC"},
    OtherKind{4, "JXL ", "a JPEG XL"}, OtherKind{0, "\xff\x0a", "a JPEG XL"}, OtherKind{4, "jP  ", "a JPEG 2000"},
};

const Decoder& decoder_of(std::string_view where, FileBytes file) {
  for (const Decoder* decoder : kDecoders) {
    if (decoder->knows(file)) return *decoder;
  }
  constexpr std::string_view kAdvice = "expected JPEG, PNG or WebP; convert it or leave it out";
  for (const OtherKind& kind : kOtherKinds) {
    if (has_magic(file, kind.at, kind.magic)) fail(where, "is ", kind.name, " file; ", kAdvice);
  }
  fail(where, "is not an image file (", file.size(), " bytes of something else); ", kAdvice);
}

}  // namespace

bool has_magic(FileBytes file, size_t at, std::string_view magic) {
  return file.size() >= at + magic.size() && std::memcmp(file.data() + at, magic.data(), magic.size()) == 0;
}

void check_pixels(std::string_view where, int64_t width, int64_t height) {
  if (width < 1 || height < 1) fail(where, "announces ", width, " x ", height, " pixels; the file is damaged");
  if (width > kMaxPixels / height) {
    fail(where, "announces ", width, " x ", height, " pixels; expected at most ", kMaxPixels, "; shrink the image");
  }
}

void cut(Image whole, const Box& box, Image& out) {
  const Picture picture = Picture::of_pixels(whole.pixels.data(), whole.shape);
  if (box == picture.whole()) {
    out = std::move(whole);
  } else {
    picture.read(box, out);
  }
}

Picture Picture::of_pixels(const uint8_t* pixels, ImageShape shape) {
  Picture picture;
  picture.shape_ = shape;
  picture.pixels_ = pixels;
  return picture;
}

Picture Picture::of_file(std::string where, std::vector<std::byte> bytes) {
  Picture picture;
  picture.shape_ = decoder_of(where, bytes).shape(where, bytes);
  picture.where_ = std::move(where);
  picture.file_ = std::move(bytes);
  return picture;
}

void Picture::read(const Box& box, Image& out) const {
  if (!pixels_) return decoder_of(where_, file_).read(where_, file_, box, out);
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

}  // namespace retort
