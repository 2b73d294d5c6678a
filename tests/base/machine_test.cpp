#include "base/machine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace retort {
namespace {

TEST(ParallelFor, RunsEachIndexOnce) {
  for (int threads : {-1, 0, 1, 2, 7}) {
    for (int64_t count : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      parallel_for(threads, count, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
      for (const auto& run : runs) EXPECT_EQ(run, 1) << threads << " threads, " << count;
    }
  }
}

TEST(ParallelFor, ThrowsWhatAWorkerThrewAfterAllHaveEnded) {
  for (int threads : {1, 4}) {
    std::atomic<int> runs{0};
    const auto work = [&](int64_t i) {
      ++runs;
      if (i % 3 == 0) throw std::runtime_error("broken sample");
    };
    try {
      parallel_for(threads, 100, work);
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "broken sample");
    }
    EXPECT_EQ(runs, 100);
  }
}

TEST(Machine, HasCoresMemoryAndTime) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_NE(machine_description().find(" cores"), std::string::npos);
  EXPECT_GT(peak_memory_bytes(), 1 << 20);
  const double wall = wall_seconds(), process = process_cpu_seconds(), thread = thread_cpu_seconds();
  volatile double sum = 0;
  for (int i = 0; i < 2'000'000; ++i) sum = sum + i;
  EXPECT_GT(wall_seconds(), wall);
  EXPECT_GT(thread_cpu_seconds(), thread);
  EXPECT_GE(process_cpu_seconds() - process, 0);
}

}  // namespace
}  // namespace retort
