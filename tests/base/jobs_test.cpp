#include "base/jobs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace retort {
namespace {

/// Records the order in which jobs start, and what ran at once.
class Record {
 public:
  Job job(int name, Job job = {}) {
    job.run = [this, name](int threads) {
      const std::lock_guard lock(mutex_);
      order.push_back(name);
      shares.push_back(threads);
    };
    return job;
  }
  std::vector<int> order, shares;

 private:
  std::mutex mutex_;
};

std::vector<JobEnd> ends(const std::vector<JobResult>& results) {
  std::vector<JobEnd> out;
  for (const JobResult& r : results) out.push_back(r.end);
  return out;
}

TEST(Jobs, TheHeadOfTheLongestChainStartsFirst) {
  Record record;
  const std::vector<Job> jobs = {record.job(0, {.length = 3}), record.job(1, {.length = 1}),
                                 record.job(2, {.after = {1}, .length = 4}), record.job(3, {.length = 2})};
  EXPECT_EQ(chain_lengths(jobs), (std::vector<double>{3, 5, 4, 2}));
  EXPECT_EQ(ends(run_jobs(jobs, {.threads = 1})), std::vector<JobEnd>(4, JobEnd::done));
  EXPECT_EQ(record.order, (std::vector<int>{1, 2, 0, 3}));
}

TEST(Jobs, OneThatFailsLosesOnlyWhatWaitsForIt) {
  Record record;
  Job bad;
  bad.run = [](int) { throw std::runtime_error("broken"); };
  const std::vector<Job> jobs = {bad, record.job(1), record.job(2, {.after = {0, 1}}), record.job(3, {.after = {2}}),
                                 record.job(4, {.after = {1}})};
  const auto results = run_jobs(jobs, {.threads = 2});
  EXPECT_EQ(ends(results),
            (std::vector<JobEnd>{JobEnd::failed, JobEnd::done, JobEnd::skipped, JobEnd::skipped, JobEnd::done}));
  EXPECT_THROW(std::rethrow_exception(results[0].error), std::runtime_error);
  EXPECT_EQ(record.order, (std::vector<int>{1, 4}));
}

// Two jobs that both wait for the other to run: side by side they end.
TEST(Jobs, RunSideBySide) {
  std::mutex mutex;
  std::condition_variable met;
  int here = 0;
  Job job;
  job.run = [&](int) {
    std::unique_lock lock(mutex);
    ++here;
    met.notify_all();
    met.wait(lock, [&] { return here == 2; });
  };
  EXPECT_EQ(ends(run_jobs({job, job}, {.threads = 2})), std::vector<JobEnd>(2, JobEnd::done));
}

TEST(Jobs, StayWithinThreadsAndMemory) {
  std::atomic<int> threads{0}, most_threads{0};
  std::atomic<int64_t> memory{0}, most_memory{0};
  std::vector<Job> jobs;
  for (int i = 0; i < 12; ++i) {
    Job job{.threads = 1 + i % 2, .memory = 10 + i};
    job.run = [&, size = job.memory](int share) {
      most_threads = std::max(most_threads.load(), threads += share);
      most_memory = std::max(most_memory.load(), memory += size);
      threads -= share;
      memory -= size;
    };
    jobs.push_back(job);
  }
  run_jobs(jobs, {.threads = 3, .memory = 40});
  EXPECT_LE(most_threads, 3);
  EXPECT_LE(most_memory, 40);
}

TEST(Jobs, OneThatIsTooLargeRunsAlone) {
  Record record;
  const auto results = run_jobs(
      {record.job(0, {.threads = 8, .memory = 100}), record.job(1, {.alone = true}), record.job(2, {.threads = 0})},
      {.threads = 2, .memory = 10});
  EXPECT_EQ(ends(results), std::vector<JobEnd>(3, JobEnd::done));
  EXPECT_EQ(record.shares, std::vector<int>(3, 2));
}

TEST(Jobs, StopStartsNothingMore) {
  Record record;
  int asked = 0;
  const auto results = run_jobs({record.job(0), record.job(1, {.after = {0}})}, {}, [&] { return ++asked > 1; });
  EXPECT_EQ(ends(results), (std::vector<JobEnd>{JobEnd::done, JobEnd::stopped}));
}

TEST(Jobs, CyclesAreAMistakeOfTheCaller) {
  EXPECT_THROW(chain_lengths({Job{.after = {1}}, Job{.after = {0}}}), std::logic_error);
}

}  // namespace
}  // namespace retort
