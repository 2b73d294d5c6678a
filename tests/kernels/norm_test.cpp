// Batch norm with activation and residual against its definition in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/numbers.h"
#include "retort/kernels.h"

namespace retort {
namespace {

using test::expect_near;
using test::numbers;

double activate(Activation activation, double z) {
  switch (activation) {
    case Activation::none:
      return z;
    case Activation::relu:
      return std::max(z, 0.0);
    case Activation::relu6:
      return std::clamp(z, 0.0, 6.0);
    case Activation::hard_swish:
      return z * std::clamp(z + 3, 0.0, 6.0) / 6;
    case Activation::silu:
      return z / (1 + std::exp(-z));
  }
  return 0;
}

double slope(Activation activation, double z) {
  constexpr double kStep = 1e-6;
  return (activate(activation, z + kStep) - activate(activation, z - kStep)) / (2 * kStep);
}

struct Case {
  int64_t rows, channels;
  Activation activation;
  bool residual;
};

class NormTest : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
  const int64_t size = c.rows * c.channels;
  const Part all{0, c.rows};
  const std::vector<float> x = numbers("x", size), residual = numbers("residual", size), dy = numbers("dy", size);
  // Wide enough that z goes beyond the bounds of relu6 and hard_swish.
  const std::vector<float> scale = numbers("scale", c.channels, 9), offset = numbers("offset", c.channels);
  const std::vector<float> mean = numbers("mean", c.channels), by_x = numbers("by_x", c.channels),
                           constant = numbers("constant", c.channels);
  const NormRows norm{c.channels, c.activation, scale.data(), offset.data()};

  double z(size_t i) const {
    const size_t k = channel(i);
    const double sum = static_cast<double>(x[i]) * scale[k] + offset[k];
    return c.residual ? sum + residual[i] : sum;
  }
  size_t channel(size_t i) const { return i % static_cast<size_t>(c.channels); }
  std::vector<float> forward() const {
    std::vector<float> y(x.size());
    norm_forward(norm, all, x.data(), c.residual ? residual.data() : nullptr, y.data());
    return y;
  }
  /// As the gradient is asked for: after an addition y decides.
  const float* known(const std::vector<float>& y) const { return c.residual ? y.data() : nullptr; }
};

TEST_P(NormTest, ForwardIsItsDefinition) {
  std::vector<double> expected;
  for (size_t i = 0; i < x.size(); ++i) expected.push_back(activate(c.activation, z(i)));
  expect_near(forward(), expected, "y");
}

TEST_P(NormTest, BackwardIsItsDefinition) {
  const std::vector<float> y = forward();
  std::vector<double> dz, dx, sums(2 * mean.size()), got_sums(2 * mean.size(), 7);
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t k = channel(i);
    dz.push_back(slope(c.activation, z(i)) * dy[i]);
    const double centered = static_cast<double>(x[i]) - mean[k];
    dx.push_back(dz[i] * scale[k] + centered * by_x[k] + constant[k]);
    sums[k] += dz[i];
    sums[k + mean.size()] += dz[i] * centered;
  }
  std::vector<float> got_dx(x.size()), got_dz(x.size());
  norm_backward_sums(norm, all, x.data(), known(y), dy.data(), mean.data(), got_sums.data(), got_dz.data());
  expect_near(got_sums, sums, "sums");
  expect_near(got_dz, dz, "dz");
  const NormGradient gradient{mean.data(), by_x.data(), constant.data()};
  norm_backward(norm, gradient, all, x.data(), known(y), dy.data(), got_dx.data());
  expect_near(got_dx, dx, "dx");
  // From dz, in its memory.
  norm_backward({c.channels, Activation::none, scale.data(), offset.data()}, gradient, all, x.data(), nullptr,
                got_dz.data(), got_dz.data());
  expect_near(got_dz, dx, "dx from dz");
}

TEST_P(NormTest, StatisticsAreExactFarFromZero) {
  std::vector<float> far = x;
  for (float& v : far) v += 1000;  // squares of it alone would lose everything
  std::vector<double> sums(2 * mean.size()), got(2 * mean.size(), 7);
  for (size_t i = 0; i < far.size(); ++i) {
    const double shifted = static_cast<double>(far[i]) - far[channel(i)];
    sums[channel(i)] += shifted;
    sums[channel(i) + mean.size()] += shifted * shifted;
  }
  norm_sums(c.channels, all, far.data(), far.data(), got.data());
  expect_near(got, sums, "sums");
}

INSTANTIATE_TEST_SUITE_P(Shapes, NormTest,
                         testing::Values(Case{1, 1, Activation::none, false}, Case{65, 3, Activation::relu, false},
                                         Case{64, 77, Activation::relu6, false},
                                         Case{130, 31, Activation::hard_swish, false},
                                         Case{9, 141, Activation::silu, false}, Case{70, 24, Activation::none, true},
                                         Case{33, 93, Activation::relu, true}));

TEST(Silu, IsFiniteFarOut) {
  const std::vector<float> x = {-1e30F, -200, -88, 88, 200, 1e30F}, one(6, 1), zero(6, 0);
  std::vector<float> y(6);
  norm_forward({6, Activation::silu, one.data(), zero.data()}, {0, 1}, x.data(), nullptr, y.data());
  EXPECT_NEAR(y[1], 0, 1e-30);
  EXPECT_EQ(y[4], 200);
  EXPECT_EQ(y[5], 1e30F);
  EXPECT_TRUE(std::isfinite(y[0]));
}

}  // namespace
}  // namespace retort
