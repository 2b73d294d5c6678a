/// \file crew.h
/// Threads that stay, for work that comes again and again.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace retort {

/// The thread that calls, and others beside it. What is done does not depend on which of them does it. One caller.
class Crew {
 public:
  /// `threads` in all. `begin` is called once on each but the calling one.
  Crew(int threads, std::function<void()> begin);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// fn(0) ... fn(count - 1), which must not throw; returns when all are done.
  void each(size_t count, const std::function<void(size_t)>& fn);
  /// Processor time of the threads beside the calling one, up to the last each().
  double cpu_seconds() const { return cpu_seconds_; }

 private:
  void stand_by(const std::stop_token& stop);
  void work();

  const std::function<void()> begin_;
  std::mutex mutex_;
  std::condition_variable_any called_;
  std::condition_variable done_;
  const std::function<void(size_t)>* fn_ = nullptr;
  size_t count_ = 0, next_ = 0, busy_ = 0;
  uint64_t calls_ = 0;
  double cpu_seconds_ = 0;
  std::vector<std::jthread> threads_;  ///< last: joined before what they use goes
};

}  // namespace retort
