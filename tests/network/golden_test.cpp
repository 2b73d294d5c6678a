// Logits of timm's and mdistiller's own programs, with weights and inputs rebuilt from names.
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

std::vector<Json> golden_rows() {
  std::vector<Json> rows;
  for (const char* file : {"timm.json", "timm_variants.json", "mdistiller.json"}) {
    const Json golden = test::read_golden(file);
    rows.insert(rows.end(), golden["models"].begin(), golden["models"].end());
  }
  return rows;
}

/// The row's graph without initial weights: drawing them would take longer than all else here.
Graph unfilled_graph(const Json& row) {
  Graph graph = build_model(row["arch"], row["num_classes"], row["input"][1]);
  for (Parameter& parameter : graph.parameters) parameter.init = Init::zeros;
  return graph;
}

class Golden : public testing::TestWithParam<Json> {};

TEST_P(Golden, Logits) {
  const at::NoGradGuard no_grad;
  set_threads(1);  // more wait for each other longer than they work
  const Json& row = GetParam();
  Network network(unfilled_graph(row), {.precision = Precision::f32});
  fill_all(network);
  const at::Tensor logits = network.forward(golden_input(row["input"]), /*training=*/false);
  EXPECT_LE(largest_error(logits, row["logits"]), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Rows, Golden, testing::ValuesIn(golden_rows()), [](const auto& test) {
  return str(test.index, "_", test.param["arch"].template get<std::string>());
});

}  // namespace
}  // namespace retort
