// INT8 by pairs of QuantizeLinear and DequantizeLinear: the numbers, where the pairs are, what runs in INT8.
#include "export/quantise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "export/exported.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using namespace test;

const OnnxNode& maker_of(const OnnxGraph& graph, const std::string& value) {
  const auto it = std::ranges::find_if(graph.nodes, [&](const OnnxNode& n) { return n.output == value; });
  if (it == graph.nodes.end()) throw std::runtime_error("nothing makes " + value);
  return *it;
}

// relu(conv(input)) + input, averaged, and a head.
OnnxGraph residual() {
  OnnxGraph graph;
  graph.set_input("input", OnnxType::f32, {2, 4, 4});
  const std::vector<float> weight{0.5F, -1, 0.2F, 0.1F}, bias{0.25F, 0}, head{1, 2, 3, 4, 5, 6};
  graph.node("Conv", {"input", graph.floats("w", {2, 2, 1, 1}, weight), graph.floats("b", {2}, bias)}, "conv");
  graph.node("Add", {"conv", "input"}, "sum");
  graph.node("Relu", {"sum"}, "relu");
  graph.node("GlobalAveragePool", {"relu"}, "pool");
  graph.node("Flatten", {"pool"}, "flat");
  graph.node("Gemm", {"flat", graph.floats("h", {3, 2}, head)}, "logits", {{"transB", int64_t{1}}});
  return graph;
}

const std::vector<Int8Layer> kLayers{
    {"conv", {"input"}, true}, {"sum", {"conv", "input"}}, {"pool", {"relu"}}, {"logits", {"flat"}}};

Int8Plan some_plan() {
  Int8Plan plan;
  for (const Int8Layer& layer : kLayers) {
    for (const std::string& value : layer.inputs) plan.values[value] = {-1, 3, {}};
  }
  return plan;
}

TEST(Quantise, WeightsAreSymmetricByChannelAndZeroIsExact) {
  OnnxGraph graph = residual();
  quantise(graph, kLayers, some_plan());
  const OnnxConstant& weight = graph.constants.at("w");
  ASSERT_EQ(weight.type, OnnxType::i8);
  const auto at = [&](size_t i) { return static_cast<int>(static_cast<int8_t>(weight.bytes[i])); };
  EXPECT_EQ((std::vector<int>{at(0), at(1), at(2), at(3)}), (std::vector<int>{64, -127, 127, 64}));
  EXPECT_FLOAT_EQ(graph.constants.at("w:scale").floats()[0], 1.0F / 127);
  EXPECT_FLOAT_EQ(graph.constants.at("w:scale").floats()[1], 0.2F / 127);
  EXPECT_FLOAT_EQ(graph.constants.at("input:scale").floats()[0], 4.0F / 255);
  EXPECT_EQ(static_cast<int>(graph.constants.at("input:zero").bytes[0]), 64);  // 1 / (4 / 255), rounded
}

TEST(Quantise, APairStandsAfterTheActivationAndServesAllReaders) {
  OnnxGraph graph = residual();
  quantise(graph, kLayers, some_plan());
  EXPECT_EQ(maker_of(graph, "conv").inputs[0], "input/dequantised");
  EXPECT_EQ(maker_of(graph, "sum").inputs, (std::vector<std::string>{"conv/dequantised", "input/dequantised"}));
  EXPECT_EQ(maker_of(graph, "relu").inputs[0], "sum");  // no pair between a sum and its activation
  EXPECT_EQ(maker_of(graph, "pool").inputs[0], "relu/dequantised");
  EXPECT_EQ(std::ranges::count_if(graph.nodes, [](const OnnxNode& n) { return n.type == "QuantizeLinear"; }), 4);
}

TEST(Quantise, WhatIsSkippedIsUntouched) {
  OnnxGraph graph = residual();
  Int8Plan plan = some_plan();
  for (const Int8Layer& layer : kLayers) plan.skip.insert(layer.name);
  quantise(graph, kLayers, plan);
  EXPECT_EQ(graph.nodes.size(), residual().nodes.size());
  plan.skip.erase("logits");
  quantise(graph, kLayers, plan);
  EXPECT_EQ(maker_of(graph, "conv").inputs, (std::vector<std::string>{"input", "w", "b"}));
  EXPECT_EQ(maker_of(graph, "logits").inputs[0], "flat/dequantised");
  plan.skip.insert("nothing");
  expect_error([&] { quantise(graph, kLayers, plan); }, {"nothing"}, Error::Kind::usage);
}

TEST(Quantise, BiasesTakeBackTheMeanOfTheRoundingError) {
  OnnxGraph graph = residual();
  Int8Plan plan = some_plan();
  plan.values.at("input").means = {2, -1};
  quantise(graph, kLayers, plan);
  const double kept = 64.0 / 127;  // what is left of 0.5
  EXPECT_NEAR(graph.constants.at("b").floats()[0], 0.25 + (0.5 - kept) * 2, 1e-6);
  EXPECT_NEAR(graph.constants.at("b").floats()[1], (0.1 - 0.2 * 64 / 127) * -1, 1e-6);
}

TEST(Quantise, ARangeThatIsMissingIsAnError) {
  OnnxGraph graph = residual();
  Int8Plan plan = some_plan();
  plan.values.erase("relu");
  expect_error([&] { quantise(graph, kLayers, plan); }, {"relu", "range"});
}

/// A backbone with numbers from its names, observed on some images and quantised by the full range.
class QuantisedBackbone : public testing::TestWithParam<const char*> {};

TEST_P(QuantisedBackbone, RunsInInt8AndAnswersAlike) {
  const TempDir dir;
  const ImageShape size{3, 32, 32};
  constexpr int64_t kImages = 8;
  Network network(without_init(build_model(GetParam(), 10, 3)), {});
  const fs::path run = test::write_run(dir / "run", network, config_of(network.graph(), size));
  const std::vector<float> images = some_images(kImages, size);
  const OnnxExport source(run.string());
  source.write(dir / "float.onnx");
  Int8Plan plan;
  std::vector<std::string> values;
  for (const Int8Layer& layer : source.facts().int8_layers) {
    values.insert(values.end(), layer.inputs.begin(), layer.inputs.end());
  }
  for (auto& [name, stats] : observe(dir / "float.onnx", values, images, 1)) {
    plan.values[name] = {stats.low, stats.high, stats.means};
  }
  source.write(dir / "int8.onnx", plan);
  Session session(dir / "int8.onnx", {.threads = 1});
  EXPECT_EQ(session.precision(), "int8");
  for (const SessionLayer& layer : session.layers()) EXPECT_EQ(layer.precision, "int8") << layer.name;
  EXPECT_LT(relative_error(session_logits(session, images, kImages), torch_logits(network, images, kImages, size)),
            0.1);
  EXPECT_LT(fs::file_size(dir / "int8.onnx"), 0.4 * static_cast<double>(fs::file_size(dir / "float.onnx")));
}

INSTANTIATE_TEST_SUITE_P(Quantise, QuantisedBackbone,
                         testing::Values("resnet20", "vgg8", "mobilenetv2_half", "mobilenetv3_small_050",
                                         "convnext_atto"));

}  // namespace
}  // namespace retort
