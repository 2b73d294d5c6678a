/// \file hash.h
/// SHA-256 for contents, FNV-1a for names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace retort {

/// SHA-256 fed in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& add(std::span<const std::byte> bytes);
  Sha256& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
  /// 64 lower-case hexadecimal digits; call once.
  std::string hex();

 private:
  void* context_;
};

std::string sha256(std::string_view text);
/// Throws Error when the file cannot be read.
std::string sha256_file(const std::filesystem::path& path);
/// The name that git gives the file: SHA-1 of "blob SIZE", a zero byte and the bytes. Throws Error as above.
std::string git_blob_file(const std::filesystem::path& path);

/// FNV-1a, 64 bits.
constexpr uint64_t fnv1a(std::string_view text) {
  uint64_t h = 0xCBF29CE484222325ull;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return h;
}

}  // namespace retort
