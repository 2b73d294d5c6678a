/// \file teacher_features.h
/// A teacher's network that runs beside the students for losses that look at features.
#pragma once

#include <string>

#include "retort/network.h"
#include "train/teacher.h"

namespace retort {

class TeacherFeatures {
 public:
  /// The first network of `options.distill->teacher`, which sees `views` through its own preprocessing.
  TeacherFeatures(const TrainOptions& options, Views& views);

  const Network& network() const { return network_; }
  /// [C, H, W] of its images.
  Shape input() const;
  /// Features of the views' present batch, without gradients: `taps` has their names as keys.
  void fill(Taps& taps);

 private:
  const std::filesystem::path directory_;
  const ModelConfig config_;
  Network network_;
  const Views& views_;
  size_t place_;
};

}  // namespace retort
