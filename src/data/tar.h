/// \file tar.h
/// Reads regular files out of a tar, front to back and without trust: ustar, pax sizes and names, GNU's long names.
/// Nothing is ever written to a path that it names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace retort {

/// Fills its argument and returns how many bytes it got: fewer only at the end.
using ReadBytes = std::function<size_t(std::span<uint8_t>)>;

class TarReader {
 public:
  TarReader(std::string where, ReadBytes read) : where_(std::move(where)), read_(std::move(read)) {}

  /// Goes to the next regular file; false at the archive's end. Throws Error on a damaged or cut archive.
  bool next();
  /// Of the file, as it stands in the archive.
  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  /// Its bytes; `out` has size() of them. Call at most once a file.
  void read(std::span<uint8_t> out);

 private:
  struct Header;
  void fill(std::span<uint8_t> out);
  void skip(uint64_t bytes);
  std::string text(uint64_t size);
  void read_extended(uint64_t size);
  bool take(const Header& header);

  std::string where_;
  ReadBytes read_;
  std::string name_, next_name_;  // next_: what an extended header says of the file behind it
  uint64_t size_ = 0, next_size_ = 0;
  bool has_next_size_ = false;
  uint64_t left_ = 0;  // of this entry, padding included
};

}  // namespace retort
