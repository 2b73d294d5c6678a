/// \file predictions.h
/// Logits by member, view, sample and class, with where they came from: what members give, combiners take and return,
/// metrics read. Saved to disk they are the soft labels of distillation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort {

/// Logits of M members on N samples of C classes, one view.
struct Predictions {
  std::vector<std::string> members;  ///< [M] names
  int64_t samples = 0, classes = 0;
  std::string split;            ///< "train", "val" or "test"; a fit refuses "test"
  std::string data_hash;        ///< DataSet::hash
  std::vector<uint64_t> ids;    ///< [N] sample ids
  std::vector<int64_t> labels;  ///< [N] class indices
  std::vector<float> logits;    ///< [M, N, C]

  int64_t count() const { return static_cast<int64_t>(members.size()); }
  /// Throws Error where sizes disagree, a label is out of range or a logit is not finite. Labels may be absent.
  void check() const;
  /// [N, C] of one member. Throws Error where there is no such member.
  std::span<const float> member(int64_t m) const;
  /// The predictions of one member alone, or of some in the order of `which`. Throws Error where there is no such one.
  Predictions only(int64_t m) const;
  Predictions only(std::span<const int64_t> which) const;
  /// The predictions of some samples alone, in the order of their `positions`. Throws Error where there is no such one.
  Predictions select(std::span<const int64_t> positions) const;
};

/// Puts the members of several predictions side by side, samples matched by id in the first one's order. Throws Error
/// where data, split, classes or samples differ.
Predictions align(std::span<const Predictions> parts);

/// Keeps predictions in full precision: `DIR/predictions.safetensors`, then `DIR/predictions.json`, which makes them
/// whole (docs/formats.md). Makes the directory; what it holds of earlier predictions is replaced. Throws Error as
/// check() does, and where a file cannot be written.
void save_predictions(const std::filesystem::path& directory, const Predictions& predictions);
/// What was saved, bit for bit: finite logits, labels in range or none, and ids that are there once. Throws Error where
/// a file is missing, cut or changed, or of another version.
Predictions load_predictions(const std::filesystem::path& directory);

/// What a store of soft labels was made from; a store that does not match what it is used with is refused.
struct LabelsInfo {
  std::string data;          ///< data spec
  std::string data_hash;     ///< DataSet::hash
  std::string samples_hash;  ///< Samples::hash
  std::string unlabeled;     ///< spec of the data without labels whose samples come last; empty for none
  std::string unlabeled_hash;
  std::string split;
  int64_t samples = 0, classes = 0, views = 0;
  /// Logits kept of each row, the highest ones; the rest are then known by their log-sum-exp alone and read as equal.
  /// 0: all are kept.
  int64_t top = 0;
  std::string augment;  ///< Augment::spec
  uint64_t seed = 0;    ///< of the views
  /// Features that are kept beside the logits: means over a map's pixels, or of tokens, as float16.
  struct Feature {
    std::string tap;     ///< as it was asked for
    int64_t length = 0;  ///< numbers a sample
  };
  struct Teacher {
    std::string name, path, hash;  ///< hash: SHA-256 of the weights
    std::vector<Feature> features = {};
  };
  std::vector<Teacher> teachers;  ///< one per member
  std::string precision;          ///< what the teachers ran in: "f32", "bf16"
  /// The largest difference of a logit from float32 on some samples; nothing in older stores.
  std::optional<double> float32_difference = std::nullopt;
  double core_seconds = 0;  ///< what writing cost, all processes together
};

/// Writes a store shard by shard: a shard is one member's logits for one view. `labels.json` comes last, so that a
/// store is either whole or not there. Several processes may write one store at once, each its own shards. Throws
/// Error. Not thread-safe, but for claim() and write(), which are.
class LabelsWriter {
 public:
  /// Creates the directory; refuses one that holds this store already, or another one. A store that differs in having
  /// fewer views is added to, and shards that an interrupted writer of the same store left behind count as written.
  LabelsWriter(std::filesystem::path directory, LabelsInfo info);
  /// Whether the shard is there, whole and of this store.
  bool is_written(int64_t member, int64_t view) const;
  /// Holds a shard that is to be written as long as what is returned lives; null where it is written, or where a
  /// process that is alive holds it.
  std::shared_ptr<void> claim(int64_t member, int64_t view) const;
  /// logits [samples, classes], kept as float16; what computing them cost; of each of the teacher's features [samples,
  /// length]. Throws Error on NaN, infinities and wrong sizes.
  void write(int64_t member, int64_t view, std::span<const float> logits, double core_seconds = 0,
             const std::vector<std::vector<float>>& features = {});
  /// Checks that every shard is there and writes labels.json. Returns what the store says of itself.
  LabelsInfo finish();

 private:
  std::filesystem::path directory_;
  LabelsInfo info_;
  std::string store_;  ///< hash of info_, by which shards know their store
};

/// A store of soft labels, memory-mapped. Immutable, thread-safe.
class Labels {
 public:
  /// Throws Error where labels.json is damaged, or a shard is missing, cut, of another shape or of another store.
  explicit Labels(const std::filesystem::path& directory);
  ~Labels();
  Labels(Labels&&) noexcept;
  const LabelsInfo& info() const;
  /// Copies the logits of `positions` in one view: out [members, positions, classes]. Of rows of which only the highest
  /// are kept, the others share what the rest of the probability was (at temperature 1). Throws Error where a view or a
  /// position is out of range.
  void read(int64_t view, std::span<const int64_t> positions, std::span<float> out) const;
  /// Copies a member's features of `positions`, out [positions, length]. Throws Error where it has none at this tap.
  void read_features(int64_t member, const std::string& tap, int64_t view, std::span<const int64_t> positions,
                     std::span<float> out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Throws Error that says what differs, in words, where a store was not made from `expected`. Empty strings and zero
/// counts in `expected` are not compared, but for the augmentation, where empty means none; its seed is compared where
/// there is one. Teachers are compared by hash, where `expected` has any; the data spec and the cost never are.
void check_labels(const std::string& where, const LabelsInfo& store, const LabelsInfo& expected);

}  // namespace retort
