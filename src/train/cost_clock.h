/// \file cost_clock.h
/// What the training steps cost: time on the wall, and processor time.
#pragma once

#include <functional>
#include <vector>

namespace retort {

/// Runs while steps are made, stands still while anything else is. A pass whose threads are known counts those. One
/// whose work is spread over thread pools counts the process; where several such run side by side, they share it by
/// their threads, since a thread pool's workers cannot be told apart.
class CostClock {
 public:
  struct Spent {
    double wall = 0, cpu = 0;
  };
  /// `own`: processor time of all threads that work, or empty for a pass of thread pools; start and stop are called
  /// from one thread.
  explicit CostClock(int threads, std::function<double()> own = {}) : threads_(threads), own_(std::move(own)) {}
  ~CostClock() { stop(); }
  CostClock(const CostClock&) = delete;
  CostClock& operator=(const CostClock&) = delete;
  void start();
  /// What was spent since start.
  Spent stop();

 private:
  struct Ledger;
  static Ledger& ledger();

  int threads_;
  std::function<double()> own_;
  bool running_ = false;
  double wall_ = 0, cpu_ = 0;
};

/// What each of several students that share a pass has cost, of sum `total`: its own work, and an equal share of what
/// was done once for all. `own` and `shared` need be right only in proportion.
std::vector<double> split_cost(double total, double shared, std::vector<double> own);

}  // namespace retort
