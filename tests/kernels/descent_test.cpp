// Optimisers' steps against their formulas in double, on counts that fill vectors and that do not.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/numbers.h"
#include "retort/kernels.h"

namespace retort {
namespace {

using test::expect_near;
using test::numbers;

class DescentTest : public testing::TestWithParam<int64_t> {
 protected:
  const int64_t n = GetParam();
  const std::vector<float> g = numbers("g", n), m = numbers("m", n), w = numbers("w", n);
};

TEST_P(DescentTest, Sgd) {
  for (const bool nesterov : {false, true}) {
    const SgdStep step{
        .lr = 0.3F, .momentum = 0.9F, .weight_decay = 0.1F, .gradient_scale = 0.5F, .nesterov = nesterov};
    std::vector<double> momentum, weight;
    for (size_t i = 0; i < g.size(); ++i) {
      const double gradient = 0.5 * g[i] + 0.1 * w[i];
      momentum.push_back(0.9 * m[i] + gradient);
      weight.push_back(w[i] - 0.3 * (nesterov ? gradient + 0.9 * momentum[i] : momentum[i]));
    }
    std::vector<float> got_m = m, got_w = w;
    sgd_step(step, n, g.data(), got_m.data(), got_w.data());
    expect_near(got_m, momentum, "momentum");
    expect_near(got_w, weight, "weight");
  }
}

TEST_P(DescentTest, SgdWithoutMomentum) {
  std::vector<double> weight;
  for (size_t i = 0; i < g.size(); ++i) weight.push_back(w[i] - 0.3 * (g[i] + 0.1 * w[i]));
  std::vector<float> got = w;
  sgd_step({.lr = 0.3F, .weight_decay = 0.1F}, n, g.data(), nullptr, got.data());
  expect_near(got, weight, "weight");
}

TEST_P(DescentTest, Adamw) {
  const double b1 = 0.9, b2 = 0.99, c1 = 1 - b1 * b1, c2 = 1 - b2 * b2, lr = 0.1, decay = 0.2;
  std::vector<float> got_m = m, got_v, got_w = w;
  for (const float x : numbers("v", n)) got_v.push_back(x * x);
  std::vector<double> mean, square, weight;
  for (size_t i = 0; i < g.size(); ++i) {
    const double gradient = 0.5 * g[i];
    mean.push_back(b1 * m[i] + (1 - b1) * gradient);
    square.push_back(b2 * got_v[i] + (1 - b2) * gradient * gradient);
    weight.push_back((1 - lr * decay) * w[i] - lr * (mean[i] / c1) / (std::sqrt(square[i] / c2) + 1e-3));
  }
  const AdamwStep step{.lr = 0.1F,
                       .weight_decay = 0.2F,
                       .mean_rate = 0.1F,
                       .square_rate = 0.01F,
                       .eps = 1e-3F,
                       .gradient_scale = 0.5F,
                       .mean_correction = static_cast<float>(c1),
                       .square_correction = static_cast<float>(c2)};
  adamw_step(step, n, g.data(), got_m.data(), got_v.data(), got_w.data());
  expect_near(got_m, mean, "mean");
  expect_near(got_v, square, "square");
  expect_near(got_w, weight, "weight");
}

TEST_P(DescentTest, AveragesAndSquares) {
  std::vector<double> average;
  double squares = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    average.push_back(0.99 * m[i] + 0.01 * w[i]);
    squares += static_cast<double>(w[i]) * w[i];
  }
  std::vector<float> got = m;
  move_average(n, 0.01F, w.data(), got.data());
  expect_near(got, average, "average");
  EXPECT_NEAR(sum_of_squares(n, w.data()), squares, 1e-6 * squares);
}

INSTANTIATE_TEST_SUITE_P(Counts, DescentTest, testing::Values(1, 7, 64, 131, 9001));

}  // namespace
}  // namespace retort
