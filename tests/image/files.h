/// \file files.h
/// Image files of the tests, and pictures from them.
#pragma once

#include "base/file.h"
#include "retort/image.h"

namespace retort::test {

/// The file `name` of fuzz/corpus, which tools/decode_golden.py has filled.
inline std::string corpus_file(const std::string& name) {
  return read_file(std::string(RETORT_GOLDEN "/../../fuzz/corpus/") + name);
}

inline Picture picture_of(std::string_view bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return Picture::of_file("file", {begin, begin + bytes.size()});
}

inline Image pixels_of(const Picture& picture, const Box& box) {
  Image out;
  picture.read(box, out);
  return out;
}

inline Image pixels_of(const Picture& picture) { return pixels_of(picture, picture.whole()); }

}  // namespace retort::test
