// Networks that round as INT8 does. That they compute what exported files do is tested with the exports
// (tests/export/fake_quantise_test.cpp).
#include "network/fake_quantise.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "network/tiny_graph.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;

constexpr int64_t kSide = 8;

// One convolution of one channel by a weight of 0.5, its average and a head of one class.
Graph one_channel() {
  GraphBuilder b("one_channel", 1, 1);
  const int conv = b.conv2d(b.input(), "conv", {.out = 1});
  b.linear(b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {conv})}), "head", 1);
  return b.finish("conv", "head");
}

Network filled(Graph graph) {
  set_threads(1);
  Network network(std::move(graph), {.precision = Precision::f32});
  test::fill_from_names(network);
  return network;
}

at::Tensor plain(double value) { return at::full({1, 1, kSide, kSide}, value); }

TEST(FakeQuantiser, GradientsPassStraightThroughInsideARangeAndAreZeroOutside) {
  Network network = filled(one_channel());
  network.quantise();
  network.forward(plain(2), /*training=*/true);
  for (const auto& [value, expected] : {std::pair{0.7, true}, std::pair{50.0, false}}) {
    at::Tensor images = plain(value).set_requires_grad(true);
    network.forward(images, /*training=*/false).sum().backward();
    const double gradient = images.grad().abs().sum().item<double>();
    EXPECT_EQ(gradient > 0, expected) << value;
  }
  for (const NamedTensor& p : network.parameters()) EXPECT_TRUE(p.tensor.grad().defined()) << p.name;
}

TEST(FakeQuantiser, ValuesAreWholeSteps) {
  Network network = filled(one_channel());
  network.quantise();
  network.forward(plain(2.55), /*training=*/true);  // steps of 0.01
  Taps taps{{"conv", {}}};
  const auto conv_of = [&](double value) {
    network.forward(plain(value), /*training=*/false, &taps);
    return taps.at("conv").max().item<double>();
  };
  EXPECT_EQ(conv_of(1.001), conv_of(1.004));
  EXPECT_NE(conv_of(1.001), conv_of(1.006));
  EXPECT_EQ(conv_of(2.55), conv_of(100));
  EXPECT_EQ(conv_of(-1), 0);
}

TEST(FakeQuantiser, RangesAreTheMeanOfBatchesAndThenMoveSlowly) {
  Network network = filled(one_channel());
  network.quantise();
  const auto high = [&] { return network.ranges().at(1).tensor[0].item<double>(); };
  network.forward(plain(1), /*training=*/true);
  EXPECT_EQ(high(), 1);
  network.forward(plain(2), /*training=*/true);
  EXPECT_FLOAT_EQ(high(), 1.5);
  for (int i = 0; i < 200; ++i) network.forward(plain(1.5), /*training=*/true);
  network.forward(plain(101.5), /*training=*/true);
  EXPECT_NEAR(high(), 2.5, 1e-4);
  network.forward(plain(999), /*training=*/false);
  EXPECT_NEAR(high(), 2.5, 1e-4);
}

TEST(FakeQuantiser, IsCloseToThePlainNetworkAndLeavesItsNumbersAlone) {
  for (const auto& graph : {test::tiny_graph, test::tiny_transformer}) {
    Network plain_network = filled(graph()), network = filled(graph());
    network.quantise();
    const at::NoGradGuard no_grad;
    const at::Tensor images = test::golden_images({4, 2, 9, 7});
    network.forward(images, /*training=*/true);
    const at::Tensor expected = plain_network.forward(images, false), logits = network.forward(images, false);
    EXPECT_LT(logits.sub(expected).abs().max().item<double>(), 0.05 * expected.abs().max().item<double>());
    EXPECT_FALSE(logits.equal(expected));
    for (size_t i = 0; i < network.buffers().size(); ++i) {
      EXPECT_TRUE(network.buffers()[i].tensor.equal(plain_network.buffers()[i].tensor));
    }
  }
}

TEST(FakeQuantiser, RangesAreKeptWithTheWeightsWhichStayPlainOnes) {
  const test::TempDir dir;
  const at::NoGradGuard no_grad;
  const at::Tensor images = test::golden_images({4, 2, 9, 7});
  Network network = filled(test::tiny_graph());
  network.quantise();
  network.forward(images, /*training=*/true);
  network.save(dir / "int8.safetensors");
  Network again(test::tiny_graph(), {.precision = Precision::f32, .fill = false});
  again.load(dir / "int8.safetensors");
  EXPECT_TRUE(again.forward(images, false).equal(filled(test::tiny_graph()).forward(images, false)));
  again.quantise(dir / "int8.safetensors");
  EXPECT_TRUE(again.forward(images, false).equal(network.forward(images, false)));

  filled(test::tiny_graph()).save(dir / "plain.safetensors");
  expect_error([&] { again.quantise(dir / "plain.safetensors"); }, {"plain.safetensors", "--quantize int8"});
  again.save(dir / "damaged.safetensors", {});
  filled(test::tiny_graph()).save(dir / "damaged.safetensors", {{kInt8Key, "{}"}});
  expect_error([&] { again.quantise(dir / "damaged.safetensors"); }, {"damaged.safetensors", "version"});
  filled(test::tiny_graph()).save(dir / "other.safetensors", {{kInt8Key, int8_ranges_text({{"elsewhere", {0, 1}}})}});
  expect_error([&] { again.quantise(dir / "other.safetensors"); }, {"no range of 'input'"});
}

TEST(FakeQuantiser, WhatCannotBeIsRefused) {
  Network network = filled(test::tiny_graph());
  network.quantise();
  const at::Tensor images = test::golden_images({2, 2, 9, 7});
  expect_error([&] { network.forward(images, /*training=*/false); }, {"no ranges"});
  Taps taps{{"stem", {}}};
  expect_error([&] { network.forward(images, /*training=*/true, &taps); }, {"'stem'", "'stem_norm'"},
               Error::Kind::usage);
  Network bf16(test::tiny_graph(), {.precision = Precision::bf16});
  expect_error([&] { bf16.quantise(); }, {"bf16"}, Error::Kind::usage);
}

}  // namespace
}  // namespace retort
