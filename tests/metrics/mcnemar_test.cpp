#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "retort/metrics.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Verdicts of two models of which each is right alone so many times.
McNemar test_of(size_t only_a, size_t only_b, size_t both = 5) {
  std::vector<uint8_t> a(only_a + only_b + both, 1), b = a;
  std::fill_n(b.begin(), only_a, 0);
  std::fill_n(a.begin() + static_cast<std::ptrdiff_t>(only_a), only_b, 0);
  return mcnemar(a, b);
}

TEST(McNemar, ExactByHand) {
  EXPECT_DOUBLE_EQ(test_of(0, 5).p, 2.0 / 32);
  EXPECT_DOUBLE_EQ(test_of(1, 4).p, 2.0 * 6 / 32);
  EXPECT_EQ(test_of(2, 2).p, 1);  // twice more than half is still 1
  EXPECT_EQ(test_of(0, 0).p, 1);
  EXPECT_TRUE(test_of(0, 0).exact);
}

TEST(McNemar, IsExactBelow25DiscordantSamples) {
  EXPECT_TRUE(test_of(10, 14).exact);
  EXPECT_FALSE(test_of(10, 15).exact);
  EXPECT_DOUBLE_EQ(test_of(10, 15).p, std::erfc(std::sqrt(16.0 / 25 / 2)));
  EXPECT_EQ(test_of(20, 20).p, 1);
  EXPECT_LT(test_of(0, 3000).p, 1e-300);
}

TEST(McNemar, IsSymmetricAndBlindToWhatBothGetRight) {
  EXPECT_EQ(test_of(3, 11).p, test_of(11, 3).p);
  EXPECT_EQ(test_of(30, 50).p, test_of(50, 30, 1000).p);
}

TEST(McNemar, RefusesBadInput) {
  const std::vector<uint8_t> one{1}, two{1, 0};
  expect_error([&] { mcnemar(one, two); }, {"1 and 2 samples"});
  expect_error([] { mcnemar({}, {}); }, {"0 and 0 samples"});
}

TEST(Holm, KeepsTheOrderAndStaysMonotone) {
  EXPECT_TRUE(holm({}).empty());
  EXPECT_EQ(holm(std::vector<double>{0.03}), std::vector<double>{0.03});
  EXPECT_EQ(holm(std::vector<double>{0.5, 0.01}), (std::vector<double>{0.5, 0.02}));
  EXPECT_EQ(holm(std::vector<double>{0.25, 0.25, 0.9}), (std::vector<double>{0.75, 0.75, 0.9}));
}

TEST(Holm, RefusesWhatIsNoProbability) {
  for (const double bad : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    expect_error([&] { holm(std::vector<double>{0.5, bad}); }, {"p-value"});
  }
}

}  // namespace
}  // namespace retort
