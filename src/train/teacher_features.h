/// \file teacher_features.h
/// A teacher's network that runs beside the student for losses that look at features.
#pragma once

#include <memory>
#include <string>

#include "retort/network.h"
#include "train/teacher.h"

namespace retort {

class TeacherFeatures {
 public:
  /// The first network of `options.distill->teacher`, which sees the student's views through its own preprocessing.
  TeacherFeatures(const TrainOptions& options, const StudentInput& student);

  const Network& network() const { return network_; }
  /// [C, H, W] of its images.
  Shape input() const;
  /// Goes to batch `first` of an epoch, as the student's loader does.
  void start(int64_t epoch, int64_t view, int64_t first);
  /// Features of the student's next batch, without gradients: `taps` has their names as keys.
  void fill(const Batch& batch, Taps& taps);

 private:
  const std::filesystem::path directory_;
  const ModelConfig config_;
  Network network_;
  std::unique_ptr<Loader> loader_;  ///< null: the student's images do
};

}  // namespace retort
