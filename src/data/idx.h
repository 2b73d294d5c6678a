/// \file idx.h
/// The IDX format of the MNIST family, plain or gzip, read without trust.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace retort {

enum class IdxKind : uint32_t { labels = 0x801, images = 0x803 };

/// One IDX file in memory. Labels are images of one pixel.
struct Idx {
  int64_t count = 0, height = 1, width = 1;
  std::vector<uint8_t> values;  ///< count * height * width
  std::string hash;             ///< SHA-256 of the file, decompressed
};

/// Parses the bytes of a file; gzip is known by its first two bytes. Allocates only what the header announces, and only
/// after comparing that with the bytes there are. Throws Error that names `where`.
Idx parse_idx(std::string_view where, std::span<const std::byte> bytes, IdxKind kind);

}  // namespace retort
