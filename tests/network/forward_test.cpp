// What a network computes, against plain loops, and that nobody sees how memory is shared inside.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "base/machine.h"
#include "network/reference.h"
#include "network/tiny_graph.h"
#include "support/expect_error.h"

namespace retort {
namespace {

constexpr double kClose = 1e-5;  // of float32 sums against double ones

Network tiny_network(const NetworkOptions& options = {.precision = Precision::f32},
                     Graph (*graph)() = test::tiny_graph) {
  set_threads(1);  // more only wait for each other on maps this small
  Network network(graph(), options);
  test::fill_from_names(network);
  return network;
}

test::State reference_state(const Network& network) {
  test::State state;
  for (const auto& [name, tensor] : test::all_tensors(network)) {
    const at::Tensor plain = tensor.detach().to(at::kDouble).contiguous();
    state[name].assign(plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
  }
  return state;
}

test::Map4 as_map(const at::Tensor& images) {
  test::Map4 map(images.size(0), images.size(1), images.size(2), images.size(3));
  const at::Tensor plain = images.to(at::kDouble).contiguous();
  map.v.assign(plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
  return map;
}

void expect_close(const at::Tensor& tensor, const std::vector<double>& expected, const std::string& name) {
  const at::Tensor plain = tensor.detach().to(at::kDouble).contiguous();
  ASSERT_EQ(static_cast<size_t>(plain.numel()), expected.size()) << name;
  double highest = 0, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    highest = std::max(highest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(plain.data_ptr<double>()[i] - expected[i]));
  }
  EXPECT_LE(worst, kClose * std::max(highest, 1e-3)) << name;
}

// Images of odd sizes, so that roundings of strides show.
const std::vector<int64_t> kImages{3, 2, 9, 7};

class Forward : public testing::TestWithParam<std::tuple<Graph (*)(), bool>> {
 protected:
  const bool training = std::get<1>(GetParam());
  static Network make_network() { return tiny_network({.precision = Precision::f32}, std::get<0>(GetParam())); }
};

TEST_P(Forward, EveryNodeIsWhatItsDefinitionSays) {
  Network network = make_network();
  test::State state = reference_state(network);
  const at::Tensor images = test::golden_images(kImages);
  const auto expected = test::Reference(network.graph(), state, training).run(as_map(images));
  Taps taps;
  for (const Node& node : network.graph().nodes) taps[node.name];
  const at::Tensor logits = network.forward(images, training, &taps);
  for (const auto& [name, tensor] : taps) expect_close(tensor, expected.at(name).v, name);
  expect_close(logits, expected.at(network.graph().nodes.back().name).v, "logits");
  // Training moved the running statistics; evaluation did not.
  for (const auto& [name, tensor] : network.buffers()) expect_close(tensor, state.at(name), name);
}

TEST_P(Forward, ATapSeesItsNodeAsItWas) {
  const at::Tensor images = test::golden_images(kImages);
  Network network = make_network();
  test::State state = reference_state(network);
  const auto expected = test::Reference(network.graph(), state, training).run(as_map(images));
  for (const Node& node : network.graph().nodes) {
    for (const bool gradients : {false, true}) {
      const at::AutoGradMode mode(gradients);
      Taps taps{{node.name, {}}};
      make_network().forward(images, training, &taps);
      ASSERT_EQ(taps.size(), 1u);
      expect_close(taps.at(node.name), expected.at(node.name).v, node.name);
    }
  }
}

TEST_P(Forward, IsTheSameWithGradientsAndWithout) {
  const at::Tensor images = test::golden_images(kImages);
  const std::string input = test::bytes_of(images);
  const auto logits = [&] { return make_network().forward(images, training); };
  const at::Tensor with = logits();
  EXPECT_TRUE(with.requires_grad());
  {
    const at::NoGradGuard no_grad;
    const at::Tensor without = logits();
    EXPECT_FALSE(without.requires_grad());
    EXPECT_EQ(test::bytes_of(without), test::bytes_of(with));
  }
  {
    const c10::InferenceMode inference;
    EXPECT_EQ(test::bytes_of(logits()), test::bytes_of(with));
  }
  EXPECT_LE(test::distance(make_network().forward(images.contiguous(), training), with), kClose);
  EXPECT_EQ(test::bytes_of(images), input);
}

std::string mode_name(const testing::TestParamInfo<Forward::ParamType>& mode) {
  return std::get<0>(mode.param)().architecture + (std::get<1>(mode.param) ? "_training" : "_evaluation");
}

INSTANTIATE_TEST_SUITE_P(Modes, Forward,
                         testing::Combine(testing::Values(test::tiny_graph, test::tiny_transformer), testing::Bool()),
                         mode_name);

TEST(Network, TrainsAfterItWasMadeInInferenceMode) {
  std::optional<Network> network;
  {
    const c10::InferenceMode inference;
    network.emplace(test::tiny_graph(), NetworkOptions{.precision = Precision::f32});
  }
  network->forward(test::golden_images(kImages), true).sum().backward();
  for (const auto& [name, tensor] : network->parameters()) EXPECT_TRUE(tensor.grad().defined()) << name;
}

TEST(Network, HoldsWhatTheGraphLists) {
  const Network network = tiny_network();
  EXPECT_EQ(network.parameters().size() + network.buffers().size(), network.graph().parameters.size());
  for (const auto& [name, tensor] : network.parameters()) {
    EXPECT_TRUE(tensor.requires_grad()) << name;
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
    // As a channels-last model in PyTorch: 1x1 and depthwise weights too.
    const bool kernel = tensor.dim() == 4;
    EXPECT_TRUE(!kernel || tensor.stride(1) == 1) << name;
  }
  for (const auto& [name, tensor] : network.buffers()) EXPECT_FALSE(tensor.requires_grad()) << name;
}

class Bf16 : public testing::TestWithParam<Graph (*)()> {};
INSTANTIATE_TEST_SUITE_P(Graphs, Bf16, testing::Values(test::tiny_graph, test::tiny_transformer),
                         [](const auto& test) { return test.param().architecture; });

TEST_P(Bf16, IsCloseAndGivesFloat32) {
  const at::Tensor images = test::golden_images(kImages);
  Network f32 = tiny_network({.precision = Precision::f32}, GetParam());
  Network bf16 = tiny_network({.precision = Precision::bf16}, GetParam());
  for (const bool training : {false, true}) {
    const at::Tensor expected = f32.forward(images, training), logits = bf16.forward(images, training);
    EXPECT_EQ(logits.scalar_type(), at::kFloat);
    EXPECT_LT(test::distance(logits, expected), 0.05);
    EXPECT_NE(test::bytes_of(logits), test::bytes_of(expected));
    logits.sum().backward();
  }
  for (const auto& [name, tensor] : bf16.parameters()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_EQ(tensor.grad().scalar_type(), at::kFloat) << name;
  }
  EXPECT_EQ(test::bytes_of(f32.forward(images, false)), test::bytes_of(f32.forward(images, false)));  // autocast is off
}

TEST(Network, Bf16FollowsTheWeights) {
  const at::Tensor images = test::golden_images(kImages);
  Network network = tiny_network({.precision = Precision::bf16});
  const at::NoGradGuard no_grad;
  const at::Tensor before = network.forward(images, false);
  for (const auto& [name, tensor] : network.parameters()) at::Tensor(tensor).mul_(2);
  EXPECT_GT(test::distance(network.forward(images, false), before), 0.1);
}

TEST(Network, AutomaticPrecisionIsFloat32WithDepthwiseConvolutions) {
  EXPECT_EQ(Network(test::tiny_graph(), {}).precision(), Precision::f32);
  const Precision fast = bf16_is_fast() ? Precision::bf16 : Precision::f32;
  EXPECT_EQ(Network(test::tiny_transformer(), {}).precision(), fast);
}

TEST(Network, Relu6ClipsAtBothEnds) {
  GraphBuilder b("clipped", 1, 1);
  int x = b.conv2d(b.input(), "scale", {.out = 1});
  x = b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {b.apply(Op::relu6, "act", {x})})});
  b.linear(x, "head", 1);
  Network network(b.finish("scale", "head"), {.precision = Precision::f32});
  for (const bool gradients : {false, true}) {
    const at::AutoGradMode mode(gradients);
    at::Tensor(network.parameters()[0].tensor.detach()).fill_(10);
    Taps taps{{"scale", {}}};
    Taps clipped{{"act", {}}};
    network.forward(test::golden_images({1, 1, 9, 9}), false, &taps);
    network.forward(test::golden_images({1, 1, 9, 9}), false, &clipped);
    EXPECT_GT(taps["scale"].max().item().toDouble(), 6);
    EXPECT_EQ(test::bytes_of(clipped["act"]), test::bytes_of(taps["scale"].clamp(0, 6)));
  }
}

TEST(Network, RefusesImagesThatDoNotFit) {
  Network network = tiny_network();
  const auto run = [&](at::IntArrayRef shape) { network.forward(test::golden_images(shape), true); };
  test::expect_error([&] { run({2, 3, 9, 7}); }, {"tiny", "[3, 9, 7]"});
  test::expect_error([&] { run({0, 2, 9, 7}); }, {"tiny", "0"});
  const at::Tensor flat = test::golden_images({2, 2, 9, 7}).flatten(1);
  test::expect_error([&] { network.forward(flat, false); }, {"tiny", "[2, 126]"});
  const at::Tensor wrong = test::golden_images({2, 2, 9, 7}).to(at::kLong);
  test::expect_error([&] { network.forward(wrong, false); }, {"tiny"});
}

TEST(Network, RefusesABatchNormOfOneValue) {
  Network network = tiny_network();
  const auto before = test::state_of(network);
  const at::Tensor one = test::golden_images({1, 2, 1, 1});
  test::expect_error([&] { network.forward(one, true); }, {"stem_norm", "one value", "batch"});
  EXPECT_TRUE(before == test::state_of(network));
  EXPECT_TRUE(at::isfinite(network.forward(one, false)).all().item().toBool());
}

TEST(Network, RefusesAnUnknownTap) {
  Network network = tiny_network();
  Taps taps{{"stem_nrm", {}}};
  test::expect_error([&] { network.forward(test::golden_images(kImages), false, &taps); }, {"stem_nrm", "stem_norm"},
                     Error::Kind::usage);
}

TEST(Network, RefusesADeviceThatIsNotThere) {
  for (const char* device : {"tpu9", "", "meta", "cuda:99", "cpu:x"}) {
    test::expect_error([&] { Network(test::tiny_graph(), {.device = device}); }, {str("'", device, "'"), "cpu"},
                       Error::Kind::usage);
  }
}

TEST(Precision, NamesGoBothWays) {
  for (const char* name : {"auto", "f32", "bf16"}) EXPECT_EQ(precision_name(parse_precision(name)), name);
  test::expect_error([] { parse_precision("f16"); }, {"f16", "auto, f32"}, Error::Kind::usage);
}

TEST(WrapImages, SharesMemoryChannelsLast) {
  std::vector<float> pixels(2 * 4 * 5 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i);
  const at::Tensor images = wrap_images(pixels.data(), 2, 3, 4, 5, at::kCPU);
  EXPECT_EQ(images.sizes(), at::IntArrayRef({2, 3, 4, 5}));
  EXPECT_TRUE(images.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(images.const_data_ptr(), pixels.data());
  EXPECT_EQ(images[1][2][3][4].item().toFloat(), pixels.back());
  EXPECT_EQ(images[0][1][0][0].item().toFloat(), 1);
  const at::Tensor grey = wrap_images(pixels.data(), 2, 1, 6, 10, at::kCPU);
  EXPECT_EQ(grey.suggest_memory_format(), at::MemoryFormat::ChannelsLast);
}

TEST(SetThreads, RefusesNone) {
  for (const int threads : {0, -1}) {
    test::expect_error([&] { set_threads(threads); }, {"threads", "1"}, Error::Kind::usage);
  }
}

}  // namespace
}  // namespace retort
