/// \file cost_clock.h
/// What the training steps cost: time on the wall, and processor time.
#pragma once

#include "retort/data.h"

namespace retort {

/// Runs while steps are made, stands still while anything else is. A training of one thread counts that thread and its
/// loader's. One of several counts the process; where several such run side by side, they share it by their threads,
/// since a thread pool's workers cannot be told apart.
class CostClock {
 public:
  struct Spent {
    double wall = 0, cpu = 0;
  };
  /// `alone`: all work is done by the thread that calls start and stop, and by the loader's.
  CostClock(int threads, bool alone, const Loader& loader) : threads_(threads), alone_(alone), loader_(loader) {}
  ~CostClock() { stop(); }
  CostClock(const CostClock&) = delete;
  CostClock& operator=(const CostClock&) = delete;
  void start();
  /// What was spent since start.
  Spent stop();

 private:
  struct Ledger;
  static Ledger& ledger();
  double own_cpu() const;

  int threads_;
  bool alone_, running_ = false;
  const Loader& loader_;
  double wall_ = 0, cpu_ = 0;
};

}  // namespace retort
