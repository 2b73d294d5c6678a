/// \file checkpoint.h
/// All that a training needs to go on bit for bit, in one file, so that its parts cannot disagree.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/safetensors.h"
#include "retort/network.h"

namespace retort {

/// `RUN/checkpoint/state.safetensors`.
std::filesystem::path checkpoint_path(const std::filesystem::path& run);

/// Writes tensors and state atomically: a safetensors file with metadata `retort_checkpoint` (version), `state` (JSON)
/// and `sha256` over both.
void write_checkpoint(const std::filesystem::path& run, const std::vector<NamedTensor>& tensors, const Json& state);

/// A checkpoint as it lies on disk.
class Checkpoint {
 public:
  /// Throws Error where the file is cut, damaged or of another version.
  explicit Checkpoint(const std::filesystem::path& run);
  const Json& state() const { return state_; }
  const std::string& where() const { return where_; }
  /// Copies all of it into `tensors`. Throws Error, before anything is changed, where names, shapes or types differ.
  void load(const std::vector<NamedTensor>& tensors) const;

 private:
  std::string where_;
  Safetensors file_;
  Json state_;
};

}  // namespace retort
