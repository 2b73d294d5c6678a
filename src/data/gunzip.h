/// \file gunzip.h
/// Decompresses gzip in pieces, as many bytes as are asked for and no more.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace retort {

class Gunzip {
 public:
  /// `bytes` must outlive this. Throws Error only where zlib cannot start.
  Gunzip(std::string_view where, std::span<const std::byte> bytes);
  ~Gunzip() { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  /// Fills `out` and returns how many bytes it got: fewer only where the data ends. Throws Error on damaged data.
  size_t read(std::span<uint8_t> out);
  /// Whether the compressed data came to its proper end, with the right checksum.
  bool ended() const { return ended_; }
  /// Compressed bytes not looked at yet.
  size_t rest() const { return in_.size(); }

 private:
  std::string where_;
  std::span<const std::byte> in_;
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace retort
