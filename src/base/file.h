/// \file file.h
/// Files that are either whole or not there: written to a temporary name, synced, renamed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace retort {

namespace fs = std::filesystem;

/// Throws Error: `cannot ACTION`, and why, by errno.
[[noreturn]] void fail_errno(const fs::path& path, std::string_view action);

/// Whether something is there. What cannot be looked at is not there; nothing is thrown.
bool is_there(const fs::path& path);

/// Its size; 0 where it cannot be looked at.
int64_t file_bytes(const fs::path& path);

/// The whole file. Throws Error.
std::string read_file(const fs::path& path);

/// The whole file as bytes, by one read: for many small files, which cost more when they are mapped. Throws Error.
std::vector<std::byte> read_bytes(const fs::path& path);

/// Writes a file that appears under its name only at `commit`. Destroyed without it, nothing is left behind.
class AtomicFile {
 public:
  explicit AtomicFile(fs::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  /// Throws Error, with the reason, on a full disk and the like.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Syncs and renames. Throws Error.
  void commit();

 private:
  fs::path path_, temporary_;
  int fd_ = -1;
};

/// Writes the whole file atomically. Throws Error.
void write_file(const fs::path& path, std::string_view contents);

/// Creates the directory and its parents. Throws Error where that fails or a file is in the way.
void make_directory(const fs::path& path);

/// A file mapped read-only. An empty file maps to no bytes. Throws Error.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace retort
