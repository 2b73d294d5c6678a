#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "retort/metrics.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

double width(const Interval& interval) { return interval.high - interval.low; }

std::vector<double> zeros_and_ones(size_t count, size_t ones) {
  std::vector<double> values(count, 0);
  std::fill_n(values.begin(), ones, 1);
  return values;
}

TEST(Bootstrap, AgreesWithWilsonOnManySamples) {
  for (const double share : {0.5, 0.9, 0.98}) {
    constexpr double kN = 4000, kZ = 1.959964;
    const Interval interval = bootstrap_mean(zeros_and_ones(4000, static_cast<size_t>(share * kN)));
    const double middle = (share + kZ * kZ / (2 * kN)) / (1 + kZ * kZ / kN);
    const double half = kZ * std::sqrt(share * (1 - share) / kN + kZ * kZ / (4 * kN * kN)) / (1 + kZ * kZ / kN);
    EXPECT_NEAR(interval.low, middle - half, 0.15 * half) << share;
    EXPECT_NEAR(interval.high, middle + half, 0.15 * half) << share;
  }
}

TEST(Bootstrap, CoversTheTruthAboutAsOftenAsItSays) {
  int covered = 0;
  constexpr int kTrials = 300;
  for (int trial = 0; trial < kTrials; ++trial) {
    Rng rng{99, static_cast<uint64_t>(trial)};
    std::vector<double> values(150);
    for (double& value : values) value = rng.uniform() < 0.8 ? 1 : 0;
    const Interval interval = bootstrap_mean(values, static_cast<uint64_t>(trial), 400);
    covered += interval.low <= 0.8 && 0.8 <= interval.high;
  }
  EXPECT_GE(covered, kTrials * 0.90);
  EXPECT_LE(covered, kTrials * 0.985);
}

TEST(Bootstrap, IsAPureFunctionOfItsSeed) {
  const std::vector<double> values = zeros_and_ones(501, 300);
  const Interval a = bootstrap_mean(values, 3), b = bootstrap_mean(values, 3), c = bootstrap_mean(values, 4);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_TRUE(a.low != c.low || a.high != c.high);
}

TEST(Bootstrap, OfConstantsAndSingles) {
  EXPECT_EQ(width(bootstrap_mean(std::vector<double>(20, 1))), 0);
  const Interval one = bootstrap_mean(std::vector<double>{0.25});
  EXPECT_EQ(one.low, 0.25);
  EXPECT_EQ(one.high, 0.25);
  EXPECT_EQ(width(bootstrap_mean(std::vector<double>{0, 1}, 0, 1)), 0);
}

TEST(Bootstrap, RefusesBadInput) {
  expect_error([] { bootstrap_mean({}); }, {"no values"});
  expect_error([] { bootstrap_mean(std::vector<double>{1}, 0, 0); }, {"0 resamples"});
  const std::vector<uint8_t> one{1}, two{1, 0};
  expect_error([&] { accuracy_change(one, two); }, {"1 and 2 samples"});
  expect_error([] { accuracy_change({}, {}); }, {"no values"});
}

TEST(AccuracyChange, HasTheSignOfTheGain) {
  const std::vector<uint8_t> a{1, 0, 0, 1}, b{1, 1, 0, 1};
  EXPECT_DOUBLE_EQ(accuracy_change(a, b).value, 0.25);
  EXPECT_DOUBLE_EQ(accuracy_change(b, a).value, -0.25);
  const Change same = accuracy_change(a, a);
  EXPECT_EQ(same.value, 0);
  EXPECT_EQ(width(same.interval), 0);
}

TEST(AccuracyChange, PairingNarrowsTheIntervalWhereErrorsAgree) {
  // Both models fail on the same hard samples, b a little less often.
  std::vector<uint8_t> a(2000, 1), b(2000, 1);
  for (size_t i = 0; i < 400; ++i) a[i] = 0;
  for (size_t i = 0; i < 360; ++i) b[i] = 0;
  const Change paired = accuracy_change(a, b);
  EXPECT_DOUBLE_EQ(paired.value, 0.02);
  EXPECT_GT(paired.interval.low, 0);
  const std::vector<double> as(a.begin(), a.end()), bs(b.begin(), b.end());
  const double unpaired = std::hypot(width(bootstrap_mean(as)), width(bootstrap_mean(bs)));
  EXPECT_LT(width(paired.interval), unpaired / 3);
  // Normal theory for the differences: 40 of 2000 are 1.
  EXPECT_NEAR(width(paired.interval), 2 * 1.96 * std::sqrt(0.02 * 0.98 / 2000), 0.0015);
}

}  // namespace
}  // namespace retort
