#include "network/run_node.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/relu6.h>
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
  if (in.training) {
    // Its unbiased variance would be 0 / 0, and stay in the running statistics.
    if (in.x.numel() == in.x.size(1)) {
      fail("network", "norm '", node.name, "' sees one value a channel; training expects more; ",
           "use a larger batch or larger images");
    }
    at::Tensor count = parameter(node, in, 4);
    count.add_(1);
  }
  return at::batch_norm(in.x, parameter(node, in, 0), parameter(node, in, 1), parameter(node, in, 2),
                        parameter(node, in, 3), in.training, node.momentum, node.eps, /*cudnn_enabled=*/true);
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

bool runs_in_place(Op op) { return op == Op::relu || op == Op::relu6 || op == Op::add; }

bool output_may_be_overwritten(Op op) { return op == Op::conv2d || op == Op::batch_norm || op == Op::add; }

at::Tensor run_node(const Node& node, const NodeInputs& in) {
  at::Tensor x = in.x;
  switch (node.op) {
    case Op::input:
      return x;
    case Op::conv2d:
      return run_conv2d(node, in);
    case Op::batch_norm:
      return run_batch_norm(node, in);
    case Op::linear:
      return at::linear(x, parameter(node, in, 0), parameter(node, in, 1));
    case Op::relu:
      return in.in_place ? x.relu_() : at::relu(x);
    case Op::relu6:
      return in.in_place ? at::relu6_(x) : at::relu6(x);
    case Op::silu:
      return at::silu(x);
    case Op::hard_swish:
      return at::hardswish(x);
    case Op::sigmoid:
      return at::sigmoid(x);
    case Op::hard_sigmoid:
      return at::hardsigmoid(x);
    case Op::add:
      return run_add(in);
    case Op::multiply:
      return x.mul(*in.second);
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
  }
  fail("network", "node '", node.name, "' has an operation that this build does not run");
}

}  // namespace retort
