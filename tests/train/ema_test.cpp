#include "train/ema.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "retort/zoo.h"

namespace retort {
namespace {

float first(const at::Tensor& t) { return t.detach().contiguous().const_data_ptr<float>()[0]; }

// Averages of parameters are the optimizer's part (optimizer_test.cpp).
TEST(Ema, AveragesBuffersCopiesCountsAndTakesPlaces) {
  Network network(build_model("resnet8_half", 4, 1), {.precision = Precision::f32});
  Ema ema(network, 0.9);
  const at::Tensor weight = network.parameters().front().tensor;
  at::Tensor mean, count;
  for (const NamedTensor& b : network.buffers()) {
    if (!mean.defined() && b.name.ends_with("running_mean")) mean = b.tensor;
    if (!count.defined() && b.name.ends_with("num_batches_tracked")) count = b.tensor;
  }
  const float start = first(weight);
  {
    const at::NoGradGuard no_grad;
    weight.add_(1);
    mean.add_(2);
    count.add_(1);
  }
  ema.update_buffers();
  ema.update_buffers();
  ema.swap();
  EXPECT_EQ(first(weight), start);
  EXPECT_NEAR(first(mean), 2 * (1 - 0.81), 1e-6);
  ASSERT_TRUE(count.defined());
  EXPECT_EQ(count.item<int64_t>(), 1);
  ema.swap();
  EXPECT_EQ(first(weight), start + 1);
  EXPECT_EQ(first(mean), 2);
  EXPECT_EQ(ema.state().size(), network.parameters().size() + network.buffers().size());
}

}  // namespace
}  // namespace retort
