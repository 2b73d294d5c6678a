#include "network/run_node.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/relu6.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

namespace retort {

namespace {

const at::Tensor& parameter(const Node& node, const NodeInputs& in, size_t i) {
  return in.parameters[static_cast<size_t>(node.parameters[i])];
}

at::Tensor run_conv2d(const Node& node, const NodeInputs& in) {
  const at::Tensor bias = node.has_bias ? parameter(node, in, 1) : at::Tensor();
  return at::conv2d(in.x, parameter(node, in, 0), bias, node.stride, node.padding, /*dilation=*/1, node.groups);
}

at::Tensor run_batch_norm(const Node& node, const NodeInputs& in) {
  const bool training = in.training && parameter(node, in, 0).requires_grad();  // frozen ones keep their statistics
  if (training) count_batch(node, in.x.numel() / in.x.size(1), parameter(node, in, 4));
  return at::batch_norm(in.x, parameter(node, in, 0), parameter(node, in, 1), parameter(node, in, 2),
                        parameter(node, in, 3), training, node.momentum, node.eps, /*cudnn_enabled=*/true);
}

// What `f` makes of x with the features last, as tokens and vectors have them; a map's channels are moved there and
// back, which copies nothing in channels-last memory.
template <class F>
at::Tensor over_features(const at::Tensor& x, const F& f) {
  return x.dim() == 4 ? f(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2}) : f(x);
}

at::Tensor run_linear(const Node& node, const NodeInputs& in) {
  return over_features(
      in.x, [&](const at::Tensor& x) { return at::linear(x, parameter(node, in, 0), parameter(node, in, 1)); });
}

at::Tensor run_layer_norm(const Node& node, const NodeInputs& in) {
  const at::Tensor& weight = parameter(node, in, 0);
  return over_features(in.x, [&](const at::Tensor& x) {
    return at::layer_norm(x, weight.sizes(), weight, parameter(node, in, 1), node.eps);
  });
}

at::Tensor run_class_token(const Node& node, const NodeInputs& in) {
  return at::cat({parameter(node, in, 0).expand({in.x.size(0), -1, -1}), in.x}, 1);
}

at::Tensor run_attention(const Node& node, const at::Tensor& x) {
  const int64_t n = x.size(0), tokens = x.size(1), features = x.size(2) / 3;
  const at::Tensor qkv = x.reshape({n, tokens, 3, node.heads, features / node.heads}).permute({2, 0, 3, 1, 4});
  const at::Tensor out = at::scaled_dot_product_attention(qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2));
  return out.transpose(1, 2).reshape({n, tokens, features});
}

at::Tensor run_activation(Op op, const NodeInputs& in) {
  at::Tensor x = in.x;
  switch (op) {
    case Op::relu:
      return in.in_place ? x.relu_() : at::relu(x);
    case Op::relu6:
      return in.in_place ? at::relu6_(x) : at::relu6(x);
    case Op::silu:
      return at::silu(x);
    case Op::gelu:
      return at::gelu(x);
    case Op::hard_swish:
      return at::hardswish(x);
    case Op::sigmoid:
      return at::sigmoid(x);
    default:  // hard_sigmoid
      return at::hardsigmoid(x);
  }
}

at::Tensor run_add(const NodeInputs& in) {
  at::Tensor x = in.x;
  return in.in_place && x.scalar_type() == in.second->scalar_type() ? x.add_(*in.second) : x.add(*in.second);
}

// Of channels-last memory, and into it, with one copy.
at::Tensor run_channel_shuffle(const at::Tensor& x, int64_t groups) {
  const at::Tensor nhwc = x.permute({0, 2, 3, 1});
  const at::Tensor shuffled = nhwc.unflatten(3, {groups, x.size(1) / groups}).transpose(3, 4);
  return shuffled.reshape(nhwc.sizes()).permute({0, 3, 1, 2});
}

}  // namespace

void count_batch(const Node& node, int64_t values, const at::Tensor& count) {
  // Its unbiased variance would be 0 / 0, and stay in the running statistics.
  if (values == 1) {
    fail("network", "norm '", node.name, "' sees one value a channel; training expects more; ",
         "use a larger batch or larger images");
  }
  count.add_(1);
}

bool runs_in_place(Op op) { return op == Op::relu || op == Op::relu6 || op == Op::add; }

bool output_may_be_overwritten(Op op) {
  return op == Op::conv2d || op == Op::batch_norm || op == Op::linear || op == Op::add || op == Op::scale;
}

at::Tensor run_node(const Node& node, const NodeInputs& in) {
  at::Tensor x = in.x;
  switch (node.op) {
    case Op::input:
      return x;
    case Op::conv2d:
      return run_conv2d(node, in);
    case Op::batch_norm:
      return run_batch_norm(node, in);
    case Op::layer_norm:
      return run_layer_norm(node, in);
    case Op::linear:
      return run_linear(node, in);
    case Op::relu:
    case Op::relu6:
    case Op::silu:
    case Op::gelu:
    case Op::hard_swish:
    case Op::sigmoid:
    case Op::hard_sigmoid:
      return run_activation(node.op, in);
    case Op::add:
      return run_add(in);
    case Op::mean:
      return x.add(*in.second).div(2);
    case Op::multiply:
      return x.mul(*in.second);
    case Op::scale:
      return over_features(x, [&](const at::Tensor& rows) { return rows.mul(parameter(node, in, 0)); });
    case Op::concat:
      return at::cat({x, *in.second}, 1);
    case Op::channel_slice:
      return x.narrow(1, node.first_channel, node.out_channels);
    case Op::channel_shuffle:
      return run_channel_shuffle(x, node.groups);
    case Op::max_pool:
      return at::max_pool2d(x, node.kernel, node.stride, node.padding, /*dilation=*/1, node.ceil_mode);
    case Op::avg_pool:
      return at::avg_pool2d(x, node.kernel, node.stride, node.padding, node.ceil_mode);
    case Op::global_avg_pool:
      return at::adaptive_avg_pool2d(x, {1, 1});
    case Op::flatten:
      return x.flatten(1);
    case Op::tokens:
      return x.flatten(2).transpose(1, 2);
    case Op::class_token:
      return run_class_token(node, in);
    case Op::position_embedding:
      return x.add(parameter(node, in, 0));
    case Op::attention:
      return run_attention(node, x);
    case Op::first_token:
      return x.select(1, node.skipped_tokens);
  }
  fail("network", "node '", node.name, "' has an operation that this build does not run");
}

}  // namespace retort
