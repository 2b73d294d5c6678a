/// \file file_lock.h
/// A lock that holds other processes off.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/file.h"

namespace retort {

/// An exclusive lock on a file, which is made where it is missing, as Python's filelock takes it. It ends with the
/// process, however that ends. Throws Error where there can be no lock.
class FileLock {
 public:
  /// Waits; calls `waiting` again and again meanwhile, which may throw.
  FileLock(const fs::path& path, const std::function<void()>& waiting);
  /// Nothing where somebody else holds it.
  static std::optional<FileLock> try_lock(const fs::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace retort
