// Gates for each channel of maps against their definition in double.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/numbers.h"
#include "retort/kernels.h"

namespace retort {
namespace {

using test::expect_near;
using test::numbers;

struct Case {
  int64_t images;
  GateMaps maps;
};

class GateTest : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
  const int64_t size = c.images * c.maps.pixels * c.maps.channels, gates = c.images * c.maps.channels;
  const Part all{0, c.images};
  const std::vector<float> x = numbers("x", size), dy = numbers("dy", size), gate = numbers("gate", gates),
                           dmean = numbers("dmean", gates);
  /// Of number i of a map, that of its image and channel.
  size_t gate_of(size_t i) const {
    const auto channels = static_cast<size_t>(c.maps.channels), pixels = static_cast<size_t>(c.maps.pixels);
    return i / (pixels * channels) * channels + i % channels;
  }
};

TEST_P(GateTest, IsItsDefinition) {
  std::vector<double> mean(gate.size()), dgate(gate.size()), y, dx;
  const auto pixels = static_cast<double>(c.maps.pixels);
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t g = gate_of(i);
    mean[g] += x[i] / pixels;
    dgate[g] += static_cast<double>(x[i]) * dy[i];
    y.push_back(static_cast<double>(x[i]) * gate[g]);
    dx.push_back(static_cast<double>(dy[i]) * gate[g] + dmean[g] / pixels);
  }
  std::vector<float> got_mean(gate.size()), got_dgate(gate.size()), got_y(x.size()), got_dx(x.size());
  gate_pool(c.maps, all, x.data(), got_mean.data());
  gate_forward(c.maps, all, x.data(), gate.data(), got_y.data());
  gate_backward_sums(c.maps, all, x.data(), dy.data(), got_dgate.data());
  gate_backward(c.maps, all, dy.data(), gate.data(), dmean.data(), got_dx.data());
  expect_near(got_mean, mean, "mean");
  expect_near(got_y, y, "y");
  expect_near(got_dgate, dgate, "dgate");
  expect_near(got_dx, dx, "dx");
}

INSTANTIATE_TEST_SUITE_P(Shapes, GateTest,
                         testing::Values(Case{1, {1, 1}}, Case{3, {1, 31}}, Case{2, {12, 93}}, Case{5, {49, 24}}));

}  // namespace
}  // namespace retort
