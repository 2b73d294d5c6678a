// Squeeze-and-excite (Hu et al. 2018) as one operation: mean over the map, two small products of matrices, a gate for
// each channel. Two passes over the map each way.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/hardsigmoid_backward.h>
#include <ATen/ops/hardswish_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sigmoid_backward.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>

#include "network/gradient.h"
#include "network/parts.h"
#include "network/plan.h"
#include "network/run_node.h"

namespace retort {

namespace {

bool is_pointwise(const Node& node) {
  return node.op == Op::conv2d && node.kernel == 1 && node.stride == 1 && node.padding == 0 && node.groups == 1 &&
         node.has_bias;
}
bool is_inner(const Node& node) { return node.op == Op::relu || node.op == Op::silu || node.op == Op::hard_swish; }
bool is_gate(const Node& node) { return node.op == Op::sigmoid || node.op == Op::hard_sigmoid; }

std::vector<int> match_squeeze(const Site& site, int i) {
  if (site.node(i).op != Op::global_avg_pool) return {};
  std::vector<int> nodes = {i};
  const auto goes_on = [&](bool (*fits)(const Node&)) {
    const int next = site.reader(nodes.back());
    if (next >= 0 && fits(site.node(next))) nodes.push_back(next);
    return next == nodes.back();
  };
  if (!goes_on(is_pointwise) || !goes_on(is_inner) || !goes_on(is_pointwise) || !goes_on(is_gate)) return {};
  const auto excites = [](const Node& node) { return node.op == Op::multiply; };
  if (!goes_on(excites) || site.node(nodes.back()).inputs[0] != site.node(i).inputs[0]) return {};
  return nodes;
}

// What the gradient needs. Vectors are [N, C] or [N, squeezed].
struct Squeeze {
  GateMaps maps;
  Op inner = Op::relu, outer = Op::sigmoid;
  at::Tensor x, mean, reduced, activated, expanded, gate;
  at::Tensor reduce, expand;  ///< weights [out, in, 1, 1]

  int64_t images() const { return x.size(0); }
  int64_t parts() const { return part_count(images(), x.numel()); }
};

const float* data(const at::Tensor& t) { return t.const_data_ptr<float>(); }
float* write(const at::Tensor& t) { return t.mutable_data_ptr<float>(); }

at::Tensor slope_of(Op op, const at::Tensor& gradient, const at::Tensor& before, const at::Tensor& after) {
  switch (op) {
    case Op::relu:
      return at::threshold_backward(gradient, after, 0);
    case Op::silu:
      return at::silu_backward(gradient, before);
    case Op::hard_swish:
      return at::hardswish_backward(gradient, before);
    case Op::sigmoid:
      return at::sigmoid_backward(gradient, after);
    default:
      return at::hardsigmoid_backward(gradient, before);
  }
}

// The gradient by a weight [out, in, 1, 1]: of products of rows [N, in] that gave rows [N, out].
at::Tensor weight_gradient(const at::Tensor& weight, const at::Tensor& in, const at::Tensor& out_gradient) {
  at::Tensor gradient = at::empty_like(weight);
  at::Tensor matrix = gradient.flatten(1);
  at::mm_out(matrix, out_gradient.t(), in);
  return gradient;
}

// Gradients by x and by weights and biases of both convolutions.
std::vector<at::Tensor> squeeze_gradients(const Squeeze& s, const at::Tensor& gradient) {
  const at::Tensor dy = channels_last(gradient);
  const at::Tensor dgate = at::empty_like(s.mean);
  run_parts(s.images(), s.parts(),
            [&](int64_t, Part part) { gate_backward_sums(s.maps, part, data(s.x), data(dy), write(dgate)); });
  const at::Tensor dexpanded = slope_of(s.outer, dgate, s.expanded, s.gate);
  const at::Tensor dreduced = slope_of(s.inner, dexpanded.mm(s.expand.flatten(1)), s.reduced, s.activated);
  const at::Tensor dmean = dreduced.mm(s.reduce.flatten(1));
  const at::Tensor dx = at::empty_like(s.x);
  run_parts(s.images(), s.parts(),
            [&](int64_t, Part part) { gate_backward(s.maps, part, data(dy), data(s.gate), data(dmean), write(dx)); });
  return {dx, weight_gradient(s.reduce, s.mean, dreduced), dreduced.sum(0),
          weight_gradient(s.expand, s.activated, dexpanded), dexpanded.sum(0)};
}

at::Tensor run_squeeze(const StepRun& run) {
  const at::Tensor& input = run.value(run.node(0).inputs[0]);
  std::vector<at::Tensor> inputs = {input};
  for (const size_t conv : {1, 3}) {
    for (const size_t i : {0, 1}) inputs.push_back(run.parameter(run.node(conv), i));
  }
  Squeeze s{.inner = run.node(2).op, .outer = run.node(4).op};
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    s.x = channels_last(input.detach());
    s.maps = {s.x.size(2) * s.x.size(3), s.x.size(1)};
    s.reduce = inputs[1].detach();
    s.expand = inputs[3].detach();
    s.mean = at::empty({s.images(), s.maps.channels}, s.x.options());
    run_parts(s.images(), s.parts(), [&](int64_t, Part part) { gate_pool(s.maps, part, data(s.x), write(s.mean)); });
    const auto activate = [&](size_t node, const at::Tensor& x) {
      return run_node(run.node(node), {x, nullptr, run.parameters});
    };
    s.reduced = at::addmm(inputs[2], s.mean, s.reduce.flatten(1).t());
    s.activated = activate(2, s.reduced);
    s.expanded = at::addmm(inputs[4], s.activated, s.expand.flatten(1).t());
    s.gate = activate(4, s.expanded);
    y = at::empty_like(s.x);
    run_parts(s.images(), s.parts(),
              [&](int64_t, Part part) { gate_forward(s.maps, part, data(s.x), data(s.gate), write(y)); });
  }
  set_backward(y, inputs, [s](const at::Tensor& dy, const std::vector<bool>&) { return squeeze_gradients(s, dy); });
  return y;
}

}  // namespace

Candidate squeeze_candidate() { return {"squeeze", match_squeeze, run_squeeze}; }

}  // namespace retort
