#include "train/cost_clock.h"

#include <gtest/gtest.h>

#include "base/machine.h"

namespace retort {
namespace {

void burn(double cpu_seconds) {
  const double end = process_cpu_seconds() + cpu_seconds;
  while (process_cpu_seconds() < end) {
  }
}

TEST(CostClock, CountsOnlyWhileItRuns) {
  for (const std::function<double()>& own : {std::function<double()>(), std::function<double()>(thread_cpu_seconds)}) {
    CostClock clock(1, own);
    burn(0.02);
    clock.start();
    burn(0.02);
    const CostClock::Spent spent = clock.stop();
    EXPECT_GE(spent.cpu, 0.019);
    EXPECT_GT(spent.wall, 0);
    burn(0.02);
    EXPECT_EQ(clock.stop().cpu, 0);
  }
}

TEST(CostClock, SideBySideTheyShareTheProcess) {
  CostClock a(1), b(3);
  const double before = process_cpu_seconds();
  a.start();
  b.start();
  burn(0.02);
  const double in_b = b.stop().cpu, in_a = a.stop().cpu;
  EXPECT_LE(in_a + in_b, process_cpu_seconds() - before);
  EXPECT_GE(in_a + in_b, 0.019);
  EXPECT_GT(in_b, 2 * in_a);
}

TEST(SplitCost, OwnWorkAndEqualPartsOfTheRest) {
  EXPECT_EQ(split_cost(10, 2, {7}), (std::vector<double>{10}));
  EXPECT_EQ(split_cost(10, 2, {6, 2}), (std::vector<double>{7, 3}));
  EXPECT_EQ(split_cost(20, 2, {6, 2}), (std::vector<double>{14, 6}));  // thread pools: twice what the threads saw
  EXPECT_EQ(split_cost(1, 0, {0, 0}), (std::vector<double>{0, 0}));
  EXPECT_TRUE(split_cost(1, 1, {}).empty());
}

}  // namespace
}  // namespace retort
