/// \file jobs.h
/// Work that waits for other work, run side by side within a number of threads and an amount of memory.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

namespace retort {

struct Job {
  std::function<void(int threads)> run;  ///< called on a thread of its own with the threads that it has
  std::vector<size_t> after;             ///< jobs that must be done first, by index
  int threads = 1;                       ///< that it takes; 0: those that are free when it starts, at least one
  bool alone = false;                    ///< nothing runs beside it, and it has all threads
  int64_t memory = 0;                    ///< bytes
  double length = 0;                     ///< how long it will take, in any one unit
};

struct JobLimits {
  int threads = 1;
  int64_t memory = 0;  ///< bytes for all that run at once; 0 is no limit
};

enum class JobEnd { done, failed, skipped, stopped };
struct JobResult {
  JobEnd end = JobEnd::stopped;  ///< skipped: a job before it failed; stopped: it never began
  std::exception_ptr error;      ///< of a failed one
  double seconds = 0;
};

/// Runs all jobs. Of those that are ready the one at the head of the longest chain starts first; a smaller one may
/// start in the room that it does not fit in. A job that wants more than the limits runs when nothing else does. One
/// that throws fails alone: what is after it is skipped, all else goes on. `stop`, asked before each start, ends the
/// starting. The jobs' order must not have cycles. What a job does should not depend on when it starts, only on its
/// threads.
std::vector<JobResult> run_jobs(const std::vector<Job>& jobs, const JobLimits& limits,
                                const std::function<bool()>& stop = {});

/// For each job the length of the longest chain that begins with it. Throws std::logic_error on a cycle.
std::vector<double> chain_lengths(const std::vector<Job>& jobs);

}  // namespace retort
