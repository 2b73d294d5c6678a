/// \file step_profile.h
/// Where the time of a training step goes: its phases, and the steps of the network's plan.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "base/machine.h"
#include "network/step_clock.h"

namespace retort {

/// Of a training step, in its order. `data` and `teacher` are what is waited for.
enum class Phase { data, teacher, forward, loss, backward, optimizer, rest };

/// Gathers a few steps, then stands still. Phases follow each other without a gap, so that their sum is the whole. Not
/// thread-safe.
class StepProfile {
 public:
  static constexpr int kWarmUp = 5, kSteps = 20;
  static constexpr size_t kPhases = 7;

  /// `now`: seconds on a clock.
  explicit StepProfile(std::function<double()> now = wall_seconds) : now_(std::move(now)) {}

  /// Steps begin, or go on after what is none of theirs, such as a checkpoint.
  void start() { last_ = now_(); }
  /// What has passed since start() or the last call was this phase.
  void lap(Phase phase);
  /// Of a step on so many images, as many as all. True where this was the last one to gather.
  bool end_step(int64_t images);
  bool done() const { return ended_ >= kWarmUp + kSteps; }
  /// For the plan's steps; null while nothing is gathered.
  StepClock* step_clock() { return gathers() ? &step_clock_ : nullptr; }

  /// Of all that was gathered.
  double seconds(Phase phase) const { return seconds_[static_cast<size_t>(phase)]; }
  const std::vector<StepTime>& steps() const { return step_clock_.times(); }
  /// The table, of a step on average.
  std::string text() const;

 private:
  bool gathers() const { return ended_ >= kWarmUp && !done(); }

  std::function<double()> now_;
  StepClock step_clock_;
  std::array<double, kPhases> seconds_ = {};
  double last_ = 0;
  int ended_ = 0;
  int64_t images_ = 0;  ///< of a step
};

/// A lap of the profile, where there is one.
inline void lap(StepProfile* profile, Phase phase) {
  if (profile) profile->lap(phase);
}

}  // namespace retort
