// Depthwise convolutions against plain loops in double, on shapes that are awkward.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/numbers.h"
#include "retort/kernels.h"

namespace retort {
namespace {

using test::expect_near;
using test::numbers;

struct Case {
  int64_t images;
  Depthwise conv;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.images << " images " << c.conv.height << "x" << c.conv.width << "x" << c.conv.channels << ", kernel "
             << c.conv.kernel << ", stride " << c.conv.stride << ", padding " << c.conv.padding;
}

// Calls f(x index, weight index, y index) for every product that the convolution is the sum of.
template <class F>
void each_product(const Case& c, const F& f) {
  const Depthwise& v = c.conv;
  for (int64_t n = 0; n < c.images; ++n)
    for (int64_t oy = 0; oy < v.out_height(); ++oy)
      for (int64_t ox = 0; ox < v.out_width(); ++ox)
        for (int64_t ky = 0; ky < v.kernel; ++ky)
          for (int64_t kx = 0; kx < v.kernel; ++kx) {
            const int64_t y = oy * v.stride - v.padding + ky, x = ox * v.stride - v.padding + kx;
            if (y < 0 || y >= v.height || x < 0 || x >= v.width) continue;
            for (int64_t k = 0; k < v.channels; ++k) {
              f(((n * v.height + y) * v.width + x) * v.channels + k, (ky * v.kernel + kx) * v.channels + k,
                ((n * v.out_height() + oy) * v.out_width() + ox) * v.channels + k);
            }
          }
}

class DepthwiseTest : public testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
  const Depthwise& conv = c.conv;
  const int64_t x_size = c.images * conv.height * conv.width * conv.channels;
  const int64_t y_size = c.images * conv.out_height() * conv.out_width() * conv.channels;
  const int64_t weight_size = conv.kernel * conv.kernel * conv.channels;
  const std::vector<float> x = numbers("x", x_size), weight = numbers("w", weight_size), dy = numbers("dy", y_size);
};

TEST_P(DepthwiseTest, IsItsDefinition) {
  std::vector<double> y_exact(dy.size()), dx_exact(x.size()), dw_exact(weight.size());
  each_product(c, [&](int64_t i, int64_t w, int64_t o) {
    const auto xi = static_cast<size_t>(i), wi = static_cast<size_t>(w), yi = static_cast<size_t>(o);
    y_exact[yi] += static_cast<double>(x[xi]) * weight[wi];
    dx_exact[xi] += static_cast<double>(dy[yi]) * weight[wi];
    dw_exact[wi] += static_cast<double>(dy[yi]) * x[xi];
  });
  const float nan = std::nanf("");
  std::vector<float> y(dy.size(), nan), dx(x.size(), nan), dw(weight.size(), nan);
  depthwise_forward(conv, {0, c.images}, x.data(), weight.data(), y.data());
  depthwise_backward_data(conv, {0, c.images}, dy.data(), weight.data(), dx.data());
  depthwise_backward_weight(conv, {0, c.images}, x.data(), dy.data(), dw.data());
  expect_near(y, y_exact, "y");
  expect_near(dx, dx_exact, "dx");
  expect_near(dw, dw_exact, "dw");
}

// Maps do not depend on how the images are shared out, to the byte; gradients of weights are sums over the parts.
TEST_P(DepthwiseTest, PartsMakeTheWhole) {
  std::vector<float> whole(dy.size()), parts(dy.size()), dx_whole(x.size()), dx_parts(x.size());
  depthwise_forward(conv, {0, c.images}, x.data(), weight.data(), whole.data());
  depthwise_backward_data(conv, {0, c.images}, dy.data(), weight.data(), dx_whole.data());
  std::vector<double> dw_sum(weight.size());
  for (int64_t n = 0; n < c.images; ++n) {
    depthwise_forward(conv, {n, n + 1}, x.data(), weight.data(), parts.data());
    depthwise_backward_data(conv, {n, n + 1}, dy.data(), weight.data(), dx_parts.data());
    std::vector<float> dw(weight.size());
    depthwise_backward_weight(conv, {n, n + 1}, x.data(), dy.data(), dw.data());
    for (size_t i = 0; i < dw.size(); ++i) dw_sum[i] += dw[i];
  }
  std::vector<float> dw(weight.size());
  depthwise_backward_weight(conv, {0, c.images}, x.data(), dy.data(), dw.data());
  EXPECT_EQ(parts, whole);
  EXPECT_EQ(dx_parts, dx_whole);
  expect_near(dw, dw_sum, "dw");
}

// Channels that fill no vector, a part of one and several; stride 2 on odd and even maps; padding beyond the map, and
// kernels that see nothing else; one image; maps too large for one block of rows.
INSTANTIATE_TEST_SUITE_P(Shapes, DepthwiseTest,
                         testing::Values(Case{1, {7, 5, 1, 3, 1, 1}},     //
                                         Case{2, {7, 5, 3, 3, 2, 1}},     //
                                         Case{3, {8, 8, 67, 3, 2, 1}},    //
                                         Case{2, {4, 4, 31, 5, 2, 2}},    //
                                         Case{5, {1, 1, 93, 5, 1, 2}},    //
                                         Case{3, {2, 2, 40, 5, 1, 2}},    //
                                         Case{2, {2, 3, 16, 7, 1, 3}},    //
                                         Case{2, {1, 2, 9, 3, 1, 4}},     //
                                         Case{2, {3, 1, 8, 3, 3, 2}},     //
                                         Case{1, {6, 9, 24, 2, 2, 0}},    //
                                         Case{2, {5, 5, 12, 1, 2, 0}},    //
                                         Case{40, {3, 3, 200, 3, 1, 1}},  //
                                         Case{2, {29, 31, 150, 5, 1, 2}}));

TEST(Transpose, IsItsDefinition) {
  const std::vector<float> from = {1, 2, 3, 4, 5, 6};
  std::vector<float> to(6);
  transpose(2, 3, from.data(), to.data());
  EXPECT_EQ(to, (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

}  // namespace
}  // namespace retort
