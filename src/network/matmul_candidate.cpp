// Convolutions that are one product of matrices: 1x1 ones, and larger ones on a map of one pixel, which only ever meet
// it with one of their taps.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include "network/gradient.h"
#include "network/parts.h"
#include "network/plan.h"

namespace retort {

namespace {

bool is_pixel(const Shape& map) { return map[1] == 1 && map[2] == 1; }

std::vector<int> match_matmul(const Site& site, int i) {
  const Node& node = site.node(i);
  if (node.op != Op::conv2d || node.groups > 1) return {};
  const bool pointwise = node.kernel == 1 && node.stride == 1 && node.padding == 0;
  const bool one_tap = is_pixel(site.in_shape(i)) && is_pixel(site.shape(i)) && node.padding < node.kernel;
  return pointwise || one_tap ? std::vector<int>{i} : std::vector<int>{};
}

// The weights of the tap that meets the map, [out, in].
at::Tensor tap_of(const at::Tensor& weight, int64_t tap) { return weight.select(3, tap).select(2, tap); }

at::Tensor run_matmul(const StepRun& run) {
  const Node& node = run.node();
  const at::Tensor& input = run.value(node.inputs[0]);
  std::vector<at::Tensor> inputs = {input, run.parameter(node, 0)};
  if (node.has_bias) inputs.push_back(run.parameter(node, 1));
  const at::Tensor weight = inputs[1].detach();
  const int64_t tap = node.padding;
  at::Tensor x, y;
  {
    const at::NoGradGuard no_grad;
    x = channels_last(input.detach());
    y = at::empty({x.size(0), node.out_channels, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
    at::Tensor rows = as_rows(y);
    const at::Tensor matrix = tap_of(weight, tap).t();
    node.has_bias ? at::addmm_out(rows, inputs[2], as_rows(x), matrix) : at::mm_out(rows, as_rows(x), matrix);
  }
  set_backward(y, inputs, [=, bias = node.has_bias](const at::Tensor& gradient, const std::vector<bool>& needed) {
    const at::Tensor dy = as_rows(channels_last(gradient));
    std::vector<at::Tensor> out(bias ? 3 : 2);
    if (needed[0]) {
      out[0] = at::empty_like(x);
      at::Tensor rows = as_rows(out[0]);
      at::mm_out(rows, dy, tap_of(weight, tap));
    }
    if (needed[1]) {
      out[1] = weight.size(2) == 1 ? at::empty_like(weight) : at::zeros_like(weight);
      at::Tensor matrix = tap_of(out[1], tap);
      at::mm_out(matrix, dy.t(), as_rows(x));
    }
    if (bias && needed[2]) out[2] = dy.sum(0);
    return out;
  });
  return y;
}

}  // namespace

Candidate matmul_candidate() { return {"matmul", match_matmul, run_matmul}; }

}  // namespace retort
