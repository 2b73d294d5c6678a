#include "base/crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace retort {
namespace {

TEST(Crew, DoesEachOnceAndReturnsWhenAllAreDone) {
  for (const int threads : {1, 2, 5}) {
    Crew crew(threads, [] {});
    for (const size_t count : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> done(count);
      crew.each(count, [&](size_t i) { ++done[i]; });
      for (const auto& n : done) EXPECT_EQ(n, 1);
    }
    EXPECT_GE(crew.cpu_seconds(), 0);
  }
}

TEST(Crew, AThreadOfItsOwnBeginsOnceAndStays) {
  std::mutex mutex;
  std::set<std::thread::id> begun, seen;
  {
    Crew crew(3, [&] {
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(begun.insert(std::this_thread::get_id()).second);
    });
    for (int round = 0; round < 50; ++round) {
      crew.each(10, [&](size_t) {
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
      });
    }
  }
  EXPECT_EQ(begun.size(), 2u);
  seen.erase(std::this_thread::get_id());
  for (const std::thread::id& id : seen) EXPECT_TRUE(begun.contains(id));
}

TEST(Crew, OneThreadIsTheCaller) {
  Crew crew(1, [] { FAIL(); });
  crew.each(5, [caller = std::this_thread::get_id()](size_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

}  // namespace
}  // namespace retort
