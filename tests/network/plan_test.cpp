// Networks whose nodes run by the plan's candidates give what LibTorch's operations give.
#include "network/plan.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "network/tiny_graph.h"
#include "retort/zoo.h"

namespace retort {
namespace {

Network make(const Graph& graph, Precision precision) {
  Network network(graph, {.precision = precision});
  test::fill_from_names(network);
  return network;
}

/// Everything that a training step leaves behind, by name.
std::map<std::string, at::Tensor> step(Network& network, const at::Tensor& images, bool training,
                                       const std::vector<std::string>& tapped = {}) {
  Taps taps;
  for (const std::string& name : tapped) taps[name];
  const at::Tensor logits = network.forward(images, training, &taps);
  at::Tensor sum = logits.mul(at::Tensor(test::golden_images({logits.size(0), logits.size(1), 1, 1}).flatten(1))).sum();
  for (const auto& [name, tap] : taps) sum = sum.add(tap.square().sum(), 0.01);
  std::map<std::string, at::Tensor> left = {{"logits", logits.detach()}};
  sum.backward();
  for (const auto& [name, tensor] : network.parameters()) {
    if (!tensor.requires_grad()) continue;
    left["gradient " + name] = tensor.grad().clone();
    tensor.mutable_grad().reset();
  }
  for (const auto& [name, tensor] : network.buffers()) left[name] = tensor.clone();
  for (const auto& [name, tap] : taps) left["tap " + name] = tap.detach();
  return left;
}

void expect_same(const std::map<std::string, at::Tensor>& got, const std::map<std::string, at::Tensor>& expected,
                 double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_EQ(got.at(name).sizes(), tensor.sizes()) << name;
    const double size = std::max(1e-3, tensor.abs().max().item().toDouble());
    const double error = got.at(name).sub(tensor).abs().max().item().toDouble();
    EXPECT_LT(error, tolerance * size) << name;
  }
}

void expect_as_plain(const Graph& graph, const at::Tensor& images, bool training,
                     const std::vector<std::string>& taps = {}, bool frozen = false) {
  Network planned = make(graph, Precision::automatic), plain = make(graph, Precision::f32);
  for (Network* network : {&planned, &plain}) {
    for (const auto& [name, tensor] : network->parameters()) {
      if (frozen && name.find("norm") != std::string::npos) at::Tensor(tensor).set_requires_grad(false);
    }
  }
  for (int i = 0; i < 2; ++i) {
    expect_same(step(planned, images, training, taps), step(plain, images, training, taps), 2e-4);
  }
}

std::string candidate_of(const Graph& graph, const Shape& image, const std::string& node) {
  const Plan plan = make_plan(graph, infer_shapes(graph, image), {}, /*plain=*/false);
  const int index = graph.find(node);
  for (const Step& s : plan.steps) {
    if (std::find(s.nodes.begin(), s.nodes.end(), index) != s.nodes.end()) return s.candidate->name;
  }
  return "";
}

class PlanTest : public testing::Test {
 protected:
  void SetUp() override { set_threads(1); }
};

TEST_F(PlanTest, StepsAreThoseOfPlainOperations) {
  for (const bool training : {false, true}) {
    expect_as_plain(test::tiny_graph(), test::golden_images({5, 2, 12, 13}), training);
    expect_as_plain(test::tiny_graph(), test::golden_images({5, 2, 12, 13}).contiguous(), training);
    expect_as_plain(test::tiny_graph(), test::golden_images({3, 2, 12, 13}), training, {}, /*frozen=*/true);
  }
  expect_as_plain(test::tiny_graph(), test::golden_images({1, 2, 8, 8}), false);
}

// Somebody who looks into a fused step makes the plan run it otherwise.
TEST_F(PlanTest, TapsSeeWhatIsFusedOtherwise) {
  expect_as_plain(test::tiny_graph(), test::golden_images({4, 2, 12, 12}), true,
                  {"stem_norm", "main_norm", "add", "depthwise_norm", "depthwise", "squeeze", "gate", "excite"});
}

// Convolutions of 1x1, 2x2 and 3x2 maps, with and without stride.
TEST_F(PlanTest, SmallMapsGiveWhatPlainOperationsGive) {
  GraphBuilder b("small", 2, 3);
  int x = b.input();
  x = b.conv2d(x, "a", {.out = 5, .kernel = 3, .padding = 1});
  x = b.conv2d(x, "b", {.out = 4, .kernel = 3, .stride = 2, .padding = 1});
  x = b.conv2d(x, "c", {.out = 7, .kernel = 3, .stride = 2, .padding = 1});
  x = b.conv2d(x, "d", {.out = 6, .kernel = 5, .padding = 2});
  b.linear(b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})}), "head", 3);
  const Graph graph = b.finish("a", "head");
  EXPECT_EQ(candidate_of(graph, {2, 3, 2}, "a"), "unrolled");
  EXPECT_EQ(candidate_of(graph, {2, 3, 2}, "b"), "unrolled");
  EXPECT_EQ(candidate_of(graph, {2, 3, 2}, "d"), "matmul");
  expect_as_plain(graph, test::golden_images({4, 2, 3, 2}), true);
}

// Maps that shrink to a pixel, squeeze-and-excite, residuals, both hard_swish and silu.
TEST_F(PlanTest, BackbonesPredictAsWithPlainOperations) {
  for (const char* name : {"mobilenetv3_small_050", "efficientnet_b0", "resnet18"}) {
    const Graph graph = test::without_init(build_model(name, 4, 3, 32));
    Network planned = make(graph, Precision::automatic), plain = make(graph, Precision::f32);
    const at::Tensor images = test::golden_images({8, 3, 32, 32});
    const at::NoGradGuard no_grad;
    EXPECT_LT(test::distance(planned.forward(images, false), plain.forward(images, false)), 1e-5) << name;
  }
}

TEST_F(PlanTest, ThreadsChangeNothingButRounding) {
  Network network = make(test::tiny_graph(), Precision::automatic);
  const at::Tensor images = test::golden_images({64, 2, 24, 24});
  const auto bytes = [&](int threads) {
    set_threads(threads);
    test::fill_from_names(network);
    return step(network, images, true);
  };
  const auto one = bytes(1), two = bytes(2), again = bytes(2);
  for (const auto& [name, tensor] : two) EXPECT_EQ(test::bytes_of(again.at(name)), test::bytes_of(tensor)) << name;
  expect_same(two, one, 1e-4);
}

TEST_F(PlanTest, NormOfOneValueIsRefused) {
  GraphBuilder b("one", 2, 3);
  const int x = b.batch_norm(b.conv2d(b.input(), "conv", {.out = 4}), "norm");
  b.linear(b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})}), "head", 3);
  Network network = make(b.finish("conv", "head"), Precision::automatic);
  EXPECT_THROW(network.forward(test::golden_images({1, 2, 1, 1}), true), Error);
}

TEST_F(PlanTest, CandidatesAreTakenWhereTheyFit) {
  const Graph graph = test::tiny_graph();
  const Shape image = {2, 12, 12};
  EXPECT_EQ(candidate_of(graph, image, "stem"), "torch");
  EXPECT_EQ(candidate_of(graph, image, "main"), "torch");  // groups, but not one a channel
  EXPECT_EQ(candidate_of(graph, image, "short"), "matmul");
  EXPECT_EQ(candidate_of(graph, image, "depthwise"), "depthwise");
  EXPECT_EQ(candidate_of(graph, image, "act"), "norm");
  EXPECT_EQ(candidate_of(graph, image, "swish"), "norm");
  EXPECT_EQ(candidate_of(graph, image, "excite"), "squeeze");
  const Graph resnet = build_model("resnet18", 10, 3, 32);
  EXPECT_EQ(candidate_of(resnet, {3, 32, 32}, "layer4.1.conv1"), "matmul");  // on a map of one pixel
  EXPECT_EQ(candidate_of(resnet, {3, 32, 32}, "layer3.1.conv1"), "unrolled");
  EXPECT_EQ(candidate_of(resnet, {3, 32, 32}, "layer4.0.conv1"), "unrolled");
  EXPECT_EQ(candidate_of(resnet, {3, 32, 32}, "layer2.1.conv1"), "torch");
  EXPECT_EQ(candidate_of(resnet, {3, 224, 224}, "layer4.1.conv1"), "torch");
}

}  // namespace
}  // namespace retort
