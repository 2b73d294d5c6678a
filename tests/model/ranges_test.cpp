#include "model/ranges.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Magnitudes of half a normal distribution of deviation 1, seen up to 8, and `outliers` at 8.
ValueStats bell(int64_t outliers) {
  ValueStats stats{.low = 0, .high = 8, .magnitudes = std::vector<int64_t>(2048)};
  for (size_t i = 0; i < stats.magnitudes.size(); ++i) {
    const double x = 8 * (static_cast<double>(i) + 0.5) / 2048;
    stats.magnitudes[i] = std::llround(1e6 * std::exp(-x * x / 2));
  }
  stats.magnitudes.back() += outliers;
  return stats;
}

TEST(Ranges, MinmaxIsTheLargest) {
  EXPECT_EQ(clipped_at("minmax", bell(0)), 8);
  EXPECT_EQ(clipped_at("minmax", {.low = -3, .high = 2, .magnitudes = {1, 1}}), 3);
}

TEST(Ranges, PercentileLeavesOneInTenThousandOut) {
  // P(|x| > 3.8906) = 1e-4 for a normal distribution.
  EXPECT_NEAR(clipped_at("percentile", bell(0)), 3.8906, 0.01);
}

TEST(Ranges, EntropyCutsOutliersAndKeepsAFlatDistribution) {
  const float cut = clipped_at("entropy", bell(10));
  EXPECT_GT(cut, 2.5F);
  EXPECT_LT(cut, 6.0F);
  ValueStats flat{.low = 0, .high = 8, .magnitudes = std::vector<int64_t>(2048, 1000)};
  EXPECT_EQ(clipped_at("entropy", flat), 8);
}

TEST(Ranges, NothingButZeros) {
  ValueStats zeros{.magnitudes = std::vector<int64_t>(2048)};
  zeros.magnitudes[0] = 100;
  for (const char* method : {"minmax", "percentile", "entropy"}) EXPECT_EQ(clipped_at(method, zeros), 0);
}

TEST(Ranges, UnknownMethodsAreRefused) {
  expect_error([] { check_range_method("entropi"); }, {"entropi", "entropy"}, Error::Kind::usage);
}

}  // namespace
}  // namespace retort
