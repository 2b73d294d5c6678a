// Logits of timm's and mdistiller's own programs, with weights and inputs rebuilt from names.
#include <gtest/gtest.h>

#include <cmath>

#include "network/tiny_graph.h"
#include "retort/zoo.h"

namespace retort {
namespace {

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

class Golden : public testing::TestWithParam<Json> {};

// As users run it: by the plan, but where automatic is bf16.
Network make_network(const Graph& graph) {
  Network network(test::without_init(graph), {});
  return network.precision() == Precision::f32 ? std::move(network)
                                               : Network(test::without_init(graph), {.precision = Precision::f32});
}

TEST_P(Golden, Logits) {
  const at::NoGradGuard no_grad;
  set_threads(1);  // more wait for each other longer than they work
  const Json& row = GetParam();
  const auto shape = row["input"].get<std::vector<int64_t>>();
  Network network = make_network(build_model(row["arch"], row["num_classes"], shape[1], shape[2]));
  test::fill_from_names(network);
  const at::Tensor logits = network.forward(test::golden_images(shape), /*training=*/false);
  EXPECT_LE(largest_error(logits, row["logits"]), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Rows, Golden, testing::ValuesIn(golden_rows()), [](const auto& test) {
  return str(test.index, "_", test.param["arch"].template get<std::string>());
});

}  // namespace
}  // namespace retort
