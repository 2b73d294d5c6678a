// Depthwise convolutions by our own kernels.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "network/gradient.h"
#include "network/parts.h"
#include "network/plan.h"

namespace retort {

namespace {

std::vector<int> match_depthwise(const Site& site, int i) {
  const Node& node = site.node(i);
  const bool depthwise = node.op == Op::conv2d && node.groups > 1 && node.groups == node.out_channels &&
                         node.groups == site.in_shape(i)[0] && !node.has_bias;
  return depthwise ? std::vector<int>{i} : std::vector<int>{};
}

// [taps, channels] of the weight [channels, 1, k, k], whose memory is [channels, taps].
at::Tensor taps_first(const at::Tensor& weight) {
  const int64_t channels = weight.size(0), taps = weight.size(2) * weight.size(3);
  at::Tensor out = at::empty({taps, channels}, weight.options());
  transpose(channels, taps, weight.const_data_ptr<float>(), out.mutable_data_ptr<float>());
  return out;
}

at::Tensor weight_gradient(const Depthwise& conv, const at::Tensor& x, const at::Tensor& dy, const at::Tensor& weight) {
  const int64_t parts = part_count(x.size(0), x.numel()), taps = conv.kernel * conv.kernel;
  at::Tensor sums = at::empty({parts, taps * conv.channels}, weight.options());
  float* to = sums.mutable_data_ptr<float>();
  run_parts(x.size(0), parts, [&](int64_t i, Part part) {
    depthwise_backward_weight(conv, part, x.const_data_ptr<float>(), dy.const_data_ptr<float>(),
                              to + i * taps * conv.channels);
  });
  for (int64_t i = 1; i < parts; ++i) sums.select(0, 0).add_(sums.select(0, i));
  at::Tensor out = at::empty_like(weight);
  transpose(taps, conv.channels, to, out.mutable_data_ptr<float>());
  return out;
}

at::Tensor data_gradient(const Depthwise& conv, const at::Tensor& x, const at::Tensor& dy, const at::Tensor& taps) {
  at::Tensor out = at::empty_like(x);
  float* to = out.mutable_data_ptr<float>();
  run_parts(x.size(0), part_count(x.size(0), x.numel()), [&](int64_t, Part part) {
    depthwise_backward_data(conv, part, dy.const_data_ptr<float>(), taps.const_data_ptr<float>(), to);
  });
  return out;
}

at::Tensor run_depthwise(const StepRun& run) {
  const Node& node = run.node();
  const at::Tensor& input = run.value(node.inputs[0]);
  const at::Tensor& parameter = run.parameter(node, 0);
  at::Tensor x, weight, y;
  Depthwise conv;
  {
    const at::NoGradGuard no_grad;
    x = channels_last(input.detach());
    weight = channels_last(parameter.detach());
    conv = {x.size(2), x.size(3), x.size(1), node.kernel, node.stride, node.padding};
    y = at::empty({x.size(0), conv.channels, conv.out_height(), conv.out_width()}, x.options(),
                  at::MemoryFormat::ChannelsLast);
    const at::Tensor taps = taps_first(weight);
    float* to = y.mutable_data_ptr<float>();
    run_parts(x.size(0), part_count(x.size(0), x.numel()), [&](int64_t, Part part) {
      depthwise_forward(conv, part, x.const_data_ptr<float>(), taps.const_data_ptr<float>(), to);
    });
  }
  set_backward(y, {input, parameter}, [=](const at::Tensor& gradient, const std::vector<bool>& needed) {
    const at::Tensor dy = channels_last(gradient);
    std::vector<at::Tensor> out(2);
    if (needed[0]) out[0] = data_gradient(conv, x, dy, taps_first(weight));
    if (needed[1]) out[1] = weight_gradient(conv, x, dy, weight);
    return out;
  });
  return y;
}

}  // namespace

Candidate depthwise_candidate() { return {"depthwise", match_depthwise, run_depthwise}; }

}  // namespace retort
