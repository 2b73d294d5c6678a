#include "network/run_node.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
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

}  // namespace

bool runs_in_place(Op op) { return op == Op::relu || op == Op::add; }

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
    case Op::max_pool:
      return at::max_pool2d(x, node.kernel, node.stride, node.padding);
    case Op::avg_pool:
      return at::avg_pool2d(x, node.kernel, node.stride, node.padding, /*ceil_mode=*/true,
                            /*count_include_pad=*/false);
    case Op::global_avg_pool:
      return at::adaptive_avg_pool2d(x, {1, 1});
    case Op::flatten:
      return x.flatten(1);
  }
  fail("network", "node '", node.name, "' has an operation that this build does not run");
}

}  // namespace retort
