/// \file tiny_graph.h
/// Two small networks in which every operation occurs, and the ways it can be filled and looked at.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <string>
#include <vector>

#include "retort/network.h"
#include "support/golden.h"

namespace retort::test {

inline Graph tiny_graph() {
  GraphBuilder b("tiny", /*channels=*/2, /*classes=*/3);
  int x = b.conv2d(b.input(), "stem", {.out = 4, .kernel = 3, .padding = 1});
  x = b.apply(Op::relu, "stem_act", {b.batch_norm(x, "stem_norm")});
  int shortcut = b.pool(Op::avg_pool, x, "short_pool", 2, 2, 0, /*ceil_mode=*/true);
  shortcut = b.batch_norm(b.conv2d(shortcut, "short", {.out = 6}), "short_norm");
  int y = b.conv2d(x, "main", {.out = 6, .kernel = 3, .stride = 2, .padding = 1, .groups = 2});
  y = b.batch_norm(y, "main_norm", Init::ones, 1e-3);
  x = b.apply(Op::relu, "act", {b.apply(Op::add, "add", {y, shortcut})});
  x = b.conv2d(x, "depthwise", {.out = 6, .kernel = 3, .padding = 1, .groups = 6, .init = Init::conv_fan_out});
  x = b.apply(Op::hard_swish, "swish", {b.batch_norm(x, "depthwise_norm")});
  int gate = b.conv2d(b.apply(Op::global_avg_pool, "squeeze", {x}), "reduce", {.out = 3, .bias = true});
  gate = b.conv2d(b.apply(Op::silu, "squeeze_act", {gate}), "expand", {.out = 6, .bias = true});
  x = b.apply(Op::multiply, "excite", {x, b.apply(Op::hard_sigmoid, "gate", {gate})});
  x = b.pool(Op::max_pool, x, "max", 3, 2, 1);
  x = b.pool(Op::avg_pool, x, "smooth", 3, 1, 1);
  const int left = b.channel_slice(x, "left", 0, 2);
  const int right =
      b.apply(Op::relu6, "right_act", {b.conv2d(b.channel_slice(x, "right", 2, 4), "right_conv", {.out = 4})});
  x = b.channel_shuffle(b.apply(Op::concat, "concat", {left, right}), "shuffle", 2);
  const int wide = b.conv2d(x, "wide", {.out = 6, .bias = true});
  x = b.apply(Op::add, "join", {b.apply(Op::sigmoid, "soft", {wide}), x});
  x = b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})});
  b.linear(x, "head", 3);
  return b.finish("stem", "head");
}

/// For images [2, 9, 7] alone, which have 5 x 4 patches.
inline Graph tiny_transformer() {
  GraphBuilder b("tiny_transformer", /*channels=*/2, /*classes=*/3);
  int x = b.conv2d(b.input(), "patches", {.out = 8, .kernel = 3, .stride = 2, .padding = 1, .bias = true});
  x = b.layer_norm(x, "map_norm");
  const int mixed = b.apply(Op::gelu, "map_act", {b.linear(x, "map_linear", 8)});
  x = b.apply(Op::add, "map_add", {b.scale(mixed, "map_gamma"), x});
  x = b.class_token(b.class_token(b.apply(Op::tokens, "flat_patches", {x}), "second"), "class");
  x = b.position_embedding(x, "positions", 22);
  int y = b.attention(b.linear(b.layer_norm(x, "norm1", 1e-3), "qkv", 24), "heads", 2);
  x = b.apply(Op::add, "add1", {b.linear(y, "proj", 8), x});
  y = b.apply(Op::gelu, "act", {b.linear(x, "fc1", 16)});
  x = b.apply(Op::add, "add2", {b.scale(b.linear(y, "fc2", 8), "gamma"), x});
  x = b.layer_norm(x, "norm");
  const int head = b.linear(b.first_token(x, "first"), "head", 3);
  b.apply(Op::mean, "mean", {head, b.linear(b.first_token(x, "other", 1), "head_dist", 3)});
  return b.finish("patches", "head", "head_dist");
}

inline std::vector<NamedTensor> all_tensors(const Network& network) {
  std::vector<NamedTensor> all = network.parameters();
  all.insert(all.end(), network.buffers().begin(), network.buffers().end());
  return all;
}

/// The graph without initial weights: where they are filled later, drawing them would take longer than all else.
inline Graph without_init(Graph graph) {
  for (Parameter& parameter : graph.parameters) parameter.init = Init::zeros;
  return graph;
}

/// Fills every parameter and buffer from its name, as golden.h does.
inline void fill_from_names(const Network& network) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : all_tensors(network)) {
    std::vector<float> values = fill(name, tensor.sizes().vec());
    at::Tensor(tensor).copy_(at::from_blob(values.data(), tensor.sizes()));
  }
}

/// Images from the name "input", in channels-last memory.
inline at::Tensor golden_images(at::IntArrayRef shape) {
  std::vector<float> values = fill("input", shape.vec());
  return at::from_blob(values.data(), shape).clone().contiguous(at::MemoryFormat::ChannelsLast);
}

/// The values in row-major order of the shape, whatever the memory's.
inline std::string bytes_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().contiguous();
  return {static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()};
}

/// Names with bytes, of all parameters and buffers.
inline std::map<std::string, std::string> state_of(const Network& network) {
  std::map<std::string, std::string> state;
  for (const auto& [name, tensor] : all_tensors(network)) state[name] = bytes_of(tensor);
  return state;
}

/// max |a - b| / max |b|.
inline double distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.detach().to(at::kDouble), y = b.detach().to(at::kDouble);
  return x.sub(y).abs().max().div(y.abs().max()).item().toDouble();
}

}  // namespace retort::test
