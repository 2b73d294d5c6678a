#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace retort {
namespace {

TEST(Schedule, WarmsUpLinearlyFromAHundredth) {
  const Schedule s{.peak = 0.5, .warmup_steps = 10, .total_steps = 110};
  EXPECT_DOUBLE_EQ(s.at(0), 0.005);
  EXPECT_DOUBLE_EQ(s.at(5), 0.5 * (0.01 + 0.99 * 0.5));
  EXPECT_LT(s.at(9), 0.5);
  EXPECT_DOUBLE_EQ(s.at(10), 0.5);
}

TEST(Schedule, FallsAsACosineToZero) {
  const Schedule s{.peak = 0.5, .warmup_steps = 10, .total_steps = 110};
  EXPECT_NEAR(s.at(60), 0.25, 1e-12);
  EXPECT_NEAR(s.at(35), 0.25 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_GT(s.at(109), 0);
  EXPECT_NEAR(s.at(110), 0, 1e-12);
  for (int64_t step = 10; step < 110; ++step) EXPECT_GT(s.at(step), s.at(step + 1));
}

TEST(Schedule, NeedsNoWarmUp) {
  const Schedule s{.peak = 1, .warmup_steps = 0, .total_steps = 1};
  EXPECT_DOUBLE_EQ(s.at(0), 1);
}

}  // namespace
}  // namespace retort
