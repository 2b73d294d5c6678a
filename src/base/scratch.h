/// \file scratch.h
/// A place for files on the way.
#pragma once

#include "base/file.h"

namespace retort {

/// A file or directory that others make at this path; gone at the end, with all that is in it.
class Scratch {
 public:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  ~Scratch() {
    std::error_code none;
    fs::remove_all(path_, none);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace retort
