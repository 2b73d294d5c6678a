/// \file schedule.h
/// The learning rate, a pure function of the step, and the epochs that leave a snapshot of the training.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "retort/train.h"

namespace retort {

/// How long a training is.
struct Length {
  int64_t epochs = 0, steps_per_epoch = 0, warmup_steps = 0;
  int64_t steps() const { return epochs * steps_per_epoch; }
};

/// One row of the registry: how the rate goes, and which epochs leave a snapshot.
struct Schedule {
  /// The rate at a step after the warm-up, as a share of the peak.
  std::function<double(int64_t step, const Length& length)> share;
  /// Epochs, counted from 1, at whose end a snapshot is left. Throws a usage error where `epochs` do not fit. Empty:
  /// none ever.
  std::function<std::set<int64_t>(int64_t epochs)> snapshots;
};

/// Throws a usage error.
Schedule make_schedule(const std::string& spec);

/// Epochs of a training that leave a snapshot, by its schedule and `save_every`. Throws a usage error.
std::set<int64_t> snapshot_epochs(const TrainOptions& options);

/// Linear warm-up from peak / 100 to peak, then the schedule.
class LearningRate {
 public:
  LearningRate(const TrainOptions& options, int64_t steps_per_epoch);
  double at(int64_t step) const;
  int64_t steps() const { return length_.steps(); }

 private:
  double peak_;
  Length length_;
  Schedule schedule_;
};

/// 1 at `begin`, 0 at `end` and after, half a cosine between them.
double half_cosine(int64_t step, int64_t begin, int64_t end);

/// What the schedules of two phases share: half a cosine for the first share of the epochs, down to where the second
/// phase takes over.
struct FirstPhase {
  double start, level;  ///< share of the epochs; share of the peak at its end
  int64_t epochs(int64_t all) const;
  double share(int64_t step, const Length& length) const;
};

/// Throws a usage error where a schedule leaves fewer than two snapshots.
std::set<int64_t> at_least_two(std::string_view schedule, int64_t epochs, std::set<int64_t> snapshots);

}  // namespace retort
