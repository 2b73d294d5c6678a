#include "train/cost_clock.h"

#include <mutex>
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

double CostClock::own_cpu() const { return thread_cpu_seconds() + loader_.worker_cpu_seconds(); }

void CostClock::start() {
  stop();
  running_ = true;
  wall_ = wall_seconds();
  cpu_ = alone_ ? own_cpu() : 0;
  if (alone_) return;
  const std::lock_guard lock(ledger().mutex);
  ledger().settle();
  ledger().running.push_back(this);
}

CostClock::Spent CostClock::stop() {
  if (!running_) return {};
  running_ = false;
  const double wall = wall_seconds() - wall_;
  if (alone_) return {wall, own_cpu() - cpu_};
  const std::lock_guard lock(ledger().mutex);
  ledger().settle();
  std::erase(ledger().running, this);
  return {wall, cpu_};
}

}  // namespace retort
