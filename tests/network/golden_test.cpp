// Logits of every timm model in the golden file, with weights and inputs rebuilt from names.
#include "support/golden.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "retort/network.h"
#include "retort/zoo.h"

namespace retort {
namespace {

void fill_all(Network& network) {
  const at::NoGradGuard no_grad;
  for (const auto* list : {&network.parameters(), &network.buffers()}) {
    for (const auto& [name, tensor] : *list) {
      if (tensor.scalar_type() == at::kLong) continue;
      std::vector<float> values = test::fill(name, tensor.sizes().vec());
      at::Tensor target = tensor;
      target.copy_(wrap_images(values.data(), 1, 1, 1, tensor.numel(), at::kCPU).reshape(tensor.sizes()));
    }
  }
}

at::Tensor golden_input(const std::vector<int64_t>& shape) {
  std::vector<float> nchw = test::fill("input", shape);
  // NCHW memory is H = C*H*W rows of one pixel to wrap_images; reshape gives it its meaning.
  at::Tensor flat = wrap_images(nchw.data(), 1, 1, 1, static_cast<int64_t>(nchw.size()), at::kCPU);
  return flat.reshape(shape).clone().contiguous(at::MemoryFormat::ChannelsLast);
}

double largest_error(const at::Tensor& logits, const Json& expected) {
  double error = 0, largest = 0;
  for (int64_t n = 0; n < logits.size(0); ++n) {
    for (int64_t c = 0; c < logits.size(1); ++c) {
      const double want = expected[static_cast<size_t>(n)][static_cast<size_t>(c)].get<double>();
      error = std::max(error, std::abs(logits[n][c].item<double>() - want));
      largest = std::max(largest, std::abs(want));
    }
  }
  return error / largest;
}

TEST(Golden, LogitsAreTimms) {
  const at::NoGradGuard no_grad;
  const Json golden = test::read_golden("timm.json");
  ASSERT_GE(golden["models"].size(), 15u);
  for (const Json& row : golden["models"]) {
    const auto shape = row["input"].get<std::vector<int64_t>>();
    const std::string name = row["arch"];
    Network network(build_model(name, row["num_classes"], shape[1]), {.precision = Precision::f32});
    fill_all(network);
    const at::Tensor logits = network.forward(golden_input(shape), /*training=*/false);
    EXPECT_LE(largest_error(logits, row["logits"]), 1e-3) << name << " " << row["input"].dump();
  }
}

}  // namespace
}  // namespace retort
