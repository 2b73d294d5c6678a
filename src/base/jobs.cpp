#include "base/jobs.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/machine.h"

namespace retort {

namespace {

enum class State { waiting, running, ended };

class Scheduler {
 public:
  Scheduler(const std::vector<Job>& jobs, const JobLimits& limits, const std::function<bool()>& stop)
      : jobs_(jobs),
        limits_(limits),
        stop_(stop),
        chains_(chain_lengths(jobs)),
        states_(jobs.size()),
        results_(jobs.size()) {}

  std::vector<JobResult> run() {
    std::vector<std::jthread> threads;
    std::unique_lock lock(mutex_);
    while (true) {
      skip_lost();
      size_t next = jobs_.size();
      if (!(stop_ && stop_())) next = choose();
      if (next < jobs_.size()) {
        const int share = begin(next);
        threads.emplace_back([this, next, share] { work(next, share); });
      } else if (running_ > 0) {
        ended_.wait(lock);
      } else {
        break;
      }
    }
    lock.unlock();
    threads.clear();
    return std::move(results_);
  }

 private:
  // What can no longer run, because something before it failed.
  void skip_lost() {
    for (bool changed = true; std::exchange(changed, false);) {
      for (size_t i = 0; i < jobs_.size(); ++i) {
        const bool lost = std::any_of(jobs_[i].after.begin(), jobs_[i].after.end(), [&](size_t before) {
          return states_[before] == State::ended && results_[before].end != JobEnd::done;
        });
        if (states_[i] != State::waiting || !lost) continue;
        states_[i] = State::ended;
        results_[i].end = JobEnd::skipped;
        changed = true;
      }
    }
  }

  bool ready(size_t i) const {
    return states_[i] == State::waiting && std::all_of(jobs_[i].after.begin(), jobs_[i].after.end(),
                                                       [&](size_t j) { return states_[j] == State::ended; });
  }

  bool fits(const Job& job) const {
    if (running_ == 0) return true;
    if (job.alone || alone_ || threads_ + std::max(1, job.threads) > limits_.threads) return false;
    return limits_.memory == 0 || memory_ + job.memory <= limits_.memory;
  }

  // The next to start, or the count of jobs.
  size_t choose() const {
    size_t best = jobs_.size();
    for (size_t i = 0; i < jobs_.size(); ++i) {
      if (ready(i) && fits(jobs_[i]) && (best == jobs_.size() || chains_[i] > chains_[best])) best = i;
    }
    return best;
  }

  int begin(size_t i) {
    const Job& job = jobs_[i];
    const int free = std::max(1, limits_.threads - threads_);
    const int share = job.alone || job.threads == 0 ? free : std::min(job.threads, free);
    states_[i] = State::running;
    ++running_;
    threads_ += share;
    memory_ += job.memory;
    alone_ = job.alone;
    return share;
  }

  void work(size_t i, int share) {
    const double start = wall_seconds();
    JobResult result{.end = JobEnd::done};
    try {
      jobs_[i].run(share);
    } catch (...) {
      result = {JobEnd::failed, std::current_exception()};
    }
    result.seconds = wall_seconds() - start;
    const std::lock_guard lock(mutex_);
    results_[i] = std::move(result);
    states_[i] = State::ended;
    --running_;
    threads_ -= share;
    memory_ -= jobs_[i].memory;
    alone_ = false;
    ended_.notify_one();
  }

  const std::vector<Job>& jobs_;
  const JobLimits limits_;
  const std::function<bool()>& stop_;
  const std::vector<double> chains_;
  std::vector<State> states_;
  std::vector<JobResult> results_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0, threads_ = 0;
  int64_t memory_ = 0;
  bool alone_ = false;
};

// The longest chain from each job on; `depth` finds cycles.
double chain_from(const std::vector<std::vector<size_t>>& followers, const std::vector<Job>& jobs, size_t i,
                  size_t depth, std::vector<double>& lengths) {
  if (depth > jobs.size()) throw std::logic_error("jobs wait for each other");
  if (lengths[i] >= 0) return lengths[i];
  double longest = 0;
  for (const size_t next : followers[i])
    longest = std::max(longest, chain_from(followers, jobs, next, depth + 1, lengths));
  return lengths[i] = longest + jobs[i].length;
}

}  // namespace

std::vector<double> chain_lengths(const std::vector<Job>& jobs) {
  std::vector<std::vector<size_t>> followers(jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    for (const size_t before : jobs[i].after) followers[before].push_back(i);
  }
  std::vector<double> lengths(jobs.size(), -1);
  for (size_t i = 0; i < jobs.size(); ++i) chain_from(followers, jobs, i, 0, lengths);
  return lengths;
}

std::vector<JobResult> run_jobs(const std::vector<Job>& jobs, const JobLimits& limits,
                                const std::function<bool()>& stop) {
  return Scheduler(jobs, limits, stop).run();
}

}  // namespace retort
