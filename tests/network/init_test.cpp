// Initial parameters: the rules in the graph, as a pure function of seed and name.
#include <gtest/gtest.h>

#include <cmath>

#include "network/tiny_graph.h"

namespace retort {
namespace {

// Layers wide enough that moments can be told: 3x3 in two groups, depthwise 5x5, and a classifier.
Graph wide_graph(Init linear) {
  GraphBuilder b("wide", 16, 50);
  int x = b.conv2d(b.input(), "dense", {.out = 64, .kernel = 3, .groups = 2});
  x = b.conv2d(x, "plain", {.out = 64, .kernel = 3, .groups = 2, .init = Init::torch_default});
  x = b.batch_norm(x, "norm", Init::zeros);
  x = b.conv2d(x, "grouped", {.out = 64, .kernel = 3, .groups = 4, .init = Init::conv_fan_out});
  x = b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})});
  b.linear(x, "head", 50, linear);
  return b.finish("dense", "head");
}

std::map<std::string, at::Tensor> parameters_of(const Graph& graph, uint64_t seed) {
  const Network network(graph, {.seed = seed});
  std::map<std::string, at::Tensor> out;
  for (const auto& [name, tensor] : test::all_tensors(network)) out[name] = tensor.detach();
  return out;
}

void expect_normal(const at::Tensor& t, double variance) {
  const auto n = static_cast<double>(t.numel());
  const double mean = t.mean().item().toDouble(), var = t.var().item().toDouble();
  EXPECT_NEAR(mean, 0, 5 * std::sqrt(variance / n));
  EXPECT_NEAR(var / variance, 1, 5 * std::sqrt(2 / n));
  // Fourth moment of a normal is 3 sigma^4; of a uniform, 1.8.
  EXPECT_NEAR(t.pow(4).mean().item().toDouble() / (variance * variance), 3, 5 * std::sqrt(96 / n));
}

void expect_uniform(const at::Tensor& t, double bound) {
  const auto n = static_cast<double>(t.numel());
  EXPECT_LE(t.abs().max().item().toDouble(), bound);
  EXPECT_GT(t.abs().max().item().toDouble(), bound * (1 - 10 / n));
  EXPECT_NEAR(t.mean().item().toDouble(), 0, 5 * bound / std::sqrt(3 * n));
  EXPECT_NEAR(t.var().item().toDouble() / (bound * bound / 3), 1, 5 * std::sqrt(0.8 / n));
}

TEST(Init, FollowsTheGraphsRules) {
  const auto p = parameters_of(wide_graph(Init::torch_default), 1);
  expect_normal(p.at("dense.weight"), 2.0 / (64 * 9));
  expect_normal(p.at("grouped.weight"), 2.0 / (64 * 9 / 4.0));
  expect_uniform(p.at("plain.weight"), 1 / std::sqrt(32.0 * 9));
  expect_uniform(p.at("head.weight"), 1 / std::sqrt(64.0));
  expect_normal(parameters_of(wide_graph(Init::linear_normal), 1).at("head.weight"), 1e-4);
  expect_uniform(parameters_of(wide_graph(Init::linear_uniform), 1).at("head.weight"), 1 / std::sqrt(50.0));
  for (const char* zeros : {"head.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.num_batches_tracked"}) {
    EXPECT_EQ(p.at(zeros).abs().max().item().toDouble(), 0) << zeros;
  }
  EXPECT_EQ(p.at("norm.running_var").min().item().toDouble(), 1);
  EXPECT_EQ(p.at("norm.num_batches_tracked").scalar_type(), at::kLong);
}

TEST(Init, OfTransformersIsTimms) {
  GraphBuilder b("transformer", 3, 10);
  int x = b.conv2d(b.input(), "patches",
                   {.out = 96, .kernel = 16, .stride = 16, .bias = true, .init = Init::torch_default});
  x = b.class_token(b.apply(Op::tokens, "tokens", {x}), "cls_token");
  x = b.scale(b.position_embedding(x, "pos_embed", 50), "gamma");
  x = b.layer_norm(b.first_token(x, "first"), "norm");
  b.linear(x, "head", 10, Init::trunc_normal);
  const auto p = parameters_of(b.finish("patches", "head"), 1);
  expect_uniform(p.at("patches.weight"), 1 / std::sqrt(768.0));
  expect_normal(p.at("pos_embed"), 0.02 * 0.02);
  expect_normal(p.at("head.weight"), 0.02 * 0.02);
  expect_normal(p.at("cls_token"), 1e-12);
  EXPECT_EQ(p.at("gamma").min().item().toFloat(), 1e-6f);
  EXPECT_EQ(p.at("gamma").max().item().toFloat(), 1e-6f);
  EXPECT_EQ(p.at("norm.weight").min().item().toDouble(), 1);
  for (const char* zeros : {"patches.bias", "norm.bias", "head.bias"}) {
    EXPECT_EQ(p.at(zeros).abs().max().item().toDouble(), 0) << zeros;
  }
}

TEST(Init, DependsOnSeedAndNameAlone) {
  const Graph graph = wide_graph(Init::torch_default);
  const auto a = parameters_of(graph, 1), again = parameters_of(graph, 1), other = parameters_of(graph, 2);
  // The same layer in another net, after a layer of another name and size.
  GraphBuilder b("deeper", 16, 50);
  int x = b.conv2d(b.input(), "first", {.out = 16, .kernel = 1});
  x = b.conv2d(x, "dense", {.out = 64, .kernel = 3, .groups = 2});
  x = b.conv2d(x, "same_shape", {.out = 64, .kernel = 1, .groups = 2});
  x = b.conv2d(x, "same_shape_too", {.out = 64, .kernel = 1, .groups = 2});
  x = b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})});
  b.linear(x, "head", 50);
  const auto deeper = parameters_of(b.finish("first", "head"), 1);
  for (const char* name : {"dense.weight", "head.weight"}) {
    EXPECT_EQ(test::bytes_of(a.at(name)), test::bytes_of(again.at(name))) << name;
    EXPECT_EQ(test::bytes_of(a.at(name)), test::bytes_of(deeper.at(name))) << name;
    EXPECT_NE(test::bytes_of(a.at(name)), test::bytes_of(other.at(name))) << name;
  }
  EXPECT_NE(test::bytes_of(deeper.at("same_shape.weight")), test::bytes_of(deeper.at("same_shape_too.weight")));
}

}  // namespace
}  // namespace retort
