#include "train/cost_clock.h"

#include <mutex>
#include <numeric>
#include <vector>

#include "base/machine.h"

namespace retort {

/// Gives the process's time to the clocks that run.
struct CostClock::Ledger {
  std::mutex mutex;
  std::vector<CostClock*> running;
  double settled = 0;

  void settle() {
    const double now = process_cpu_seconds();
    double threads = 0;
    for (const CostClock* clock : running) threads += clock->threads_;
    for (CostClock* clock : running) clock->cpu_ += (now - settled) * clock->threads_ / threads;
    settled = now;
  }
};

CostClock::Ledger& CostClock::ledger() {
  static Ledger the_process;
  return the_process;
}

void CostClock::start() {
  stop();
  running_ = true;
  wall_ = wall_seconds();
  cpu_ = own_ ? own_() : 0;
  if (own_) return;
  const std::lock_guard lock(ledger().mutex);
  ledger().settle();
  ledger().running.push_back(this);
}

CostClock::Spent CostClock::stop() {
  if (!running_) return {};
  running_ = false;
  const double wall = wall_seconds() - wall_;
  if (own_) return {wall, own_() - cpu_};
  const std::lock_guard lock(ledger().mutex);
  ledger().settle();
  std::erase(ledger().running, this);
  return {wall, cpu_};
}

std::vector<double> split_cost(double total, double shared, std::vector<double> own) {
  const double all = std::accumulate(own.begin(), own.end(), shared);
  if (all <= 0) return std::vector<double>(own.size());
  for (double& cost : own) cost = total * (cost + shared / static_cast<double>(own.size())) / all;
  return own;
}

}  // namespace retort
