/// \file shard.h
/// One member's logits for one view, as they lie on disk (docs/formats.md).
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "retort/predictions.h"

namespace retort {

/// "member-00-view-0000.safetensors"
std::string shard_name(int64_t member, int64_t view);

/// What a shard is made from: logits [samples, classes], and [samples, length] of each of the teacher's features.
struct ShardContents {
  std::span<const float> logits;
  const std::vector<std::vector<float>>& features;
  double core_seconds;
};
/// Writes logits, or the highest of each row, and features. Throws Error on what float16 cannot hold.
void write_shard(const std::filesystem::path& directory, const LabelsInfo& info, const std::string& store,
                 int64_t member, int64_t view, const ShardContents& contents);

/// A shard, mapped. Immutable, thread-safe.
class Shard {
 public:
  /// Throws Error where it is not what `info` says or belongs to another store.
  Shard(const std::filesystem::path& directory, const LabelsInfo& info, const std::string& store, int64_t member,
        int64_t view);
  /// One row, [classes].
  void read(int64_t position, float* out) const;
  /// Features at tap `feature` of the teacher's, [length].
  void read_feature(size_t feature, int64_t position, float* out) const;
  /// What computing it has cost.
  double core_seconds() const { return core_seconds_; }

 private:
  template <class Index>
  void read_top(int64_t position, float* out) const;

  Safetensors file_;
  int64_t classes_, kept_;              ///< of a row
  const uint16_t* logits_;              ///< [samples, kept]
  const std::byte* indices_ = nullptr;  ///< [samples, kept] uint16 or uint32, where not all are kept
  const float* rest_ = nullptr;         ///< [samples], the log-sum-exp of what was not kept
  struct Rows {
    const uint16_t* values;  ///< [samples, length]
    int64_t length;
  };
  std::vector<Rows> features_;
  double core_seconds_ = 0;
};

}  // namespace retort
