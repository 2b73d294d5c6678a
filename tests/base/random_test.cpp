#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

namespace retort {
namespace {

TEST(Random, KnownNumbers) {
  // Splits, orders and views of runs on disk depend on these: they never change.
  EXPECT_EQ(mix64(1), 0x5692161D100B05E5ull);
  Rng split = stream(0, Purpose::split);
  EXPECT_EQ(split.next(), 0xAB74E3CF91359CDBull);
  EXPECT_EQ(split.next(), 0x18A0EBAB6C4C9725ull);
  EXPECT_EQ(stream(7, Purpose::view, 3, 2).next(), 0x0AB8BFF8A9DA4637ull);
}

TEST(Random, CopiesReplay) {
  Rng rng{7, 8};
  rng.next();
  Rng copy = rng;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rng.next(), copy.next());
}

TEST(Random, EveryPartOfTheNameMatters) {
  std::set<uint64_t> seen;
  int streams = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    for (uint64_t purpose = 1; purpose <= 7; ++purpose) {
      for (uint64_t a = 0; a < 5; ++a) {
        for (uint64_t b = 0; b < 5; ++b, ++streams) {
          seen.insert(stream(seed, static_cast<Purpose>(purpose), a, b).next());
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(streams));
  EXPECT_NE(Rng({1}).next(), Rng({1, 0}).next());
  EXPECT_NE(Rng({1, 2}).next(), Rng({2, 1}).next());
}

TEST(Random, UniformStaysInRangeAndIsEven) {
  Rng rng{1};
  double sum = 0;
  std::vector<int> bins(16);
  constexpr int kDraws = 160'000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    ++bins[static_cast<size_t>(u * 16)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.004);
  for (int count : bins) EXPECT_NEAR(count, kDraws / 16.0, 5 * 97);  // five standard deviations
}

TEST(Random, BelowStaysBelow) {
  Rng rng{2};
  std::vector<int> bins(7);
  for (int i = 0; i < 70'000; ++i) {
    const uint64_t value = rng.below(7);
    ASSERT_LT(value, 7u);
    ++bins[value];
  }
  for (int count : bins) EXPECT_NEAR(count, 10'000, 5 * 93);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(rng.below(1), 0u);
}

TEST(Random, NormalHasItsMoments) {
  Rng rng{3};
  double sum = 0, squares = 0, fourth = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.012);
  EXPECT_NEAR(squares / kDraws, 1, 0.016);
  EXPECT_NEAR(fourth / kDraws, 3, 0.12);
}

TEST(Random, ShuffleIsAPermutationAndFair) {
  std::vector<int> values(50);
  std::iota(values.begin(), values.end(), 0);
  Rng rng{4};
  rng.shuffle(values);
  EXPECT_FALSE(std::is_sorted(values.begin(), values.end()));
  std::sort(values.begin(), values.end());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], i);

  std::vector<int> first(4);
  for (int i = 0; i < 40'000; ++i) {
    std::vector<int> four{0, 1, 2, 3};
    rng.shuffle(four);
    ++first[static_cast<size_t>(four[0])];
  }
  for (int count : first) EXPECT_NEAR(count, 10'000, 5 * 87);
  std::vector<int> none;
  rng.shuffle(none);
}

}  // namespace
}  // namespace retort
