/// \file step_clock.h
/// Time of each step of a plan in a running training.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "network/gradient.h"
#include "network/step_table.h"

namespace retort {

struct Plan;

/// Seconds on the wall, of all calls.
struct StepTime {
  StepLabel label;
  double forward = 0;
  /// Of candidates with a gradient of their own; 0 where LibTorch's autograd makes it, which is not timed.
  double backward = 0;
};

/// Adds up what the steps of one network take on images of one shape. Lives until the gradients of what was run in its
/// scope are made. Not thread-safe.
class StepClock {
 public:
  /// While it lives, networks that run on this thread are timed, and so are the gradients of what they give, whenever
  /// those are asked for. Null: nothing is.
  class Scope {
   public:
    explicit Scope(StepClock* clock);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StepClock* before_;
  };

  /// One a step, in the plan's order; empty before the first run.
  const std::vector<StepTime>& times() const { return times_; }

  /// The present scope's on this thread, or null.
  static StepClock* current();
  /// A run of `plan` begins. `sizes` of the images: [N, C, H, W].
  void begin(const Graph& graph, const Plan& plan, at::IntArrayRef sizes);
  /// Runs a step, by its place in the plan.
  at::Tensor forward(size_t step, const std::function<at::Tensor()>& run);
  /// The same gradient, timed, of the step that is run.
  Backward timed(Backward backward);

 private:
  std::vector<StepTime> times_;
  size_t step_ = 0;  ///< that is run
};

}  // namespace retort
