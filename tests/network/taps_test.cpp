// What forward hooks on timm's modules are given, against taps of the same names.
#include <gtest/gtest.h>

#include "network/tiny_graph.h"
#include "retort/zoo.h"

namespace retort {
namespace {

class TimmTaps : public testing::TestWithParam<Json> {};

TEST_P(TimmTaps, AreWhatForwardHooksSee) {
  const at::NoGradGuard no_grad;
  set_threads(1);
  const Json& row = GetParam();
  const auto input = row["input"].get<std::vector<int64_t>>();
  Graph graph = build_model(row["arch"], row["num_classes"], input[1], input[2]);
  Network network(test::without_init(std::move(graph)), {.precision = Precision::f32});
  test::fill_from_names(network);
  Taps taps;
  for (const auto& [name, expected] : row["taps"].items()) taps[name];
  network.forward(test::golden_images(input), /*training=*/false, &taps);
  ASSERT_EQ(taps.size(), row["taps"].size());
  for (const auto& [name, expected] : row["taps"].items()) {
    const at::Tensor tap = taps.at(name).to(at::kDouble).contiguous();
    ASSERT_EQ(tap.sizes().vec(), expected["shape"].get<std::vector<int64_t>>()) << name;
    const double deviation = expected["std"], close = 1e-4 * deviation;
    EXPECT_NEAR(tap.mean().item().toDouble(), expected["mean"].get<double>(), close) << name;
    EXPECT_NEAR(tap.std(/*unbiased=*/false).item().toDouble(), deviation, close) << name;
    const double* values = tap.const_data_ptr<double>();
    const int64_t n = tap.numel(), places[] = {0, n / 3, 2 * n / 3, n - 1};
    for (size_t i = 0; i < std::size(places); ++i) {
      EXPECT_NEAR(values[places[i]], expected["values"][i].get<double>(), 1e-3 * deviation) << name << " " << i;
    }
  }
}

std::vector<Json> golden_rows() { return test::read_golden("timm_taps.json")["models"].get<std::vector<Json>>(); }

INSTANTIATE_TEST_SUITE_P(Rows, TimmTaps, testing::ValuesIn(golden_rows()),
                         [](const auto& test) { return test.param["arch"].template get<std::string>(); });

TEST(Taps, TwoNamesOfOneNodeAreBothFilled) {
  const at::NoGradGuard no_grad;
  Network network(build_model("resnet8_quarter", 3), {.precision = Precision::f32});
  Taps taps{{"layer1", {}}, {"layer1.0", {}}, {"layer1.0.act2", {}}};
  network.forward(test::golden_images({1, 3, 8, 8}), /*training=*/false, &taps);
  EXPECT_TRUE(taps.at("layer1").equal(taps.at("layer1.0")));
  EXPECT_TRUE(taps.at("layer1").equal(taps.at("layer1.0.act2")));
}

}  // namespace
}  // namespace retort
