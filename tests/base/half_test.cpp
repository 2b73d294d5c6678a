#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace retort {
namespace {

// The value of a half from its definition.
double value_of(uint32_t half) {
  const double sign = half & 0x8000u ? -1 : 1;
  const int exponent = static_cast<int>(half >> 10) & 31;
  const int fraction = static_cast<int>(half & 1023u);
  if (exponent == 31) return fraction ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return exponent ? sign * std::ldexp(1024 + fraction, exponent - 25) : sign * std::ldexp(fraction, -24);
}

TEST(Half, EveryHalfIsReadExactlyAndComesBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = from_half(half);
    if (std::isnan(value_of(bits))) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(from_half(to_half(value)))) << bits;
    } else {
      ASSERT_EQ(value, static_cast<float>(value_of(bits))) << bits;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000u) != 0) << bits;
      ASSERT_EQ(to_half(value), half) << bits;
    }
  }
}

TEST(Half, RoundsToNearestEvenAtEveryBoundary) {
  for (uint32_t bits = 0; bits < 0x7BFFu; ++bits) {
    const auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    const auto middle = static_cast<float>((value_of(low) + value_of(high)) / 2);  // exact in float32
    const uint16_t even = bits % 2 ? high : low;
    ASSERT_EQ(to_half(middle), even) << bits;
    ASSERT_EQ(to_half(-middle), even | 0x8000) << bits;
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0f)), low) << bits;
    ASSERT_EQ(to_half(std::nextafter(middle, 1e9f)), high) << bits;
  }
}

TEST(Half, OverflowsToInfinity) {
  EXPECT_EQ(to_half(65519.996f), 0x7BFF);
  EXPECT_EQ(to_half(65520.0f), 0x7C00);
  EXPECT_EQ(to_half(-1e30f), 0xFC00);
  EXPECT_EQ(to_half(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(to_half(1e-30f), 0);
  EXPECT_EQ(to_half(-1e-30f), 0x8000);
}

#ifdef __FLT16_MANT_DIG__
TEST(Half, AgreesWithTheCompiler) {
  Rng rng{3};
  for (int i = 0; i < 200'000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(rng.next()));
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_half(value), std::bit_cast<uint16_t>(static_cast<_Float16>(value))) << value;
  }
}
#endif

}  // namespace
}  // namespace retort
