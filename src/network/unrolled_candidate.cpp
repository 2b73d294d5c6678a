// Convolutions on maps so small that most pixels of the result see most pixels of the map: one product of matrices,
// [N, pixels * in] by [pixels * in, pixels * out], in which each pair of pixels has the weights of the tap between them
// and pairs out of reach have zeros. A 3x3 convolution of a 2x2 map is that without a single zero.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "network/gradient.h"
#include "network/parts.h"
#include "network/plan.h"

namespace retort {

namespace {

struct Unrolled {
  int64_t kernel = 1, stride = 1, padding = 0;
  int64_t in_height = 1, in_width = 1, out_height = 1, out_width = 1;

  int64_t in_pixels() const { return in_height * in_width; }
  int64_t out_pixels() const { return out_height * out_width; }
  /// Calls f(output pixel, input pixel, tap row, tap column) for each pair within reach.
  template <class F>
  void each_pair(const F& f) const {
    for (int64_t o = 0; o < out_pixels(); ++o) {
      for (int64_t i = 0; i < in_pixels(); ++i) {
        const int64_t ky = i / in_width - o / out_width * stride + padding;
        const int64_t kx = i % in_width - o % out_width * stride + padding;
        if (ky >= 0 && ky < kernel && kx >= 0 && kx < kernel) f(o, i, ky, kx);
      }
    }
  }
};

Unrolled unroll(const Node& node, const Shape& in, const Shape& out) {
  return {node.kernel, node.stride, node.padding, in[1], in[2], out[1], out[2]};
}

std::vector<int> match_unrolled(const Site& site, int i) {
  constexpr int64_t kMostPairs = 81;
  const Node& node = site.node(i);
  if (node.op != Op::conv2d || node.groups > 1 || node.kernel == 1 || node.has_bias) return {};
  const Unrolled conv = unroll(node, site.in_shape(i), site.shape(i));
  const int64_t pairs = conv.in_pixels() * conv.out_pixels();
  if (pairs > kMostPairs) return {};
  int64_t within = 0;
  conv.each_pair([&](int64_t, int64_t, int64_t, int64_t) { ++within; });
  return 2 * within > pairs ? std::vector<int>{i} : std::vector<int>{};
}

// Of a matrix [output pixels * out, input pixels * in]: the part [out, in] of one pair of pixels.
at::Tensor pair_of(const at::Tensor& matrix, const Unrolled& conv, int64_t o, int64_t i) {
  const int64_t rows = matrix.size(0) / conv.out_pixels(), columns = matrix.size(1) / conv.in_pixels();
  return matrix.narrow(0, o * rows, rows).narrow(1, i * columns, columns);
}

at::Tensor tap_of(const at::Tensor& weight, int64_t ky, int64_t kx) { return weight.select(3, kx).select(2, ky); }

at::Tensor matrix_of(const at::Tensor& weight, const Unrolled& conv) {
  const at::Tensor matrix =
      at::zeros({conv.out_pixels() * weight.size(0), conv.in_pixels() * weight.size(1)}, weight.options());
  conv.each_pair(
      [&](int64_t o, int64_t i, int64_t ky, int64_t kx) { pair_of(matrix, conv, o, i).copy_(tap_of(weight, ky, kx)); });
  return matrix;
}

at::Tensor weight_gradient(const at::Tensor& weight, const Unrolled& conv, const at::Tensor& matrix) {
  const at::Tensor gradient = at::zeros_like(weight);
  conv.each_pair([&](int64_t o, int64_t i, int64_t ky, int64_t kx) {
    tap_of(gradient, ky, kx).add_(pair_of(matrix, conv, o, i));
  });
  return gradient;
}

// A channels-last map as one row an image, in the same memory.
at::Tensor as_vectors(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).view({x.size(0), -1}); }

at::Tensor run_unrolled(const StepRun& run) {
  const Node& node = run.node();
  const at::Tensor& input = run.value(node.inputs[0]);
  const at::Tensor& parameter = run.parameter(node, 0);
  const at::Tensor weight = parameter.detach();
  at::Tensor x, y, matrix;
  Unrolled conv;
  {
    const at::NoGradGuard no_grad;
    x = channels_last(input.detach());
    const auto size = [&](int64_t in) { return (in + 2 * node.padding - node.kernel) / node.stride + 1; };
    conv = unroll(node, {x.size(1), x.size(2), x.size(3)}, {node.out_channels, size(x.size(2)), size(x.size(3))});
    matrix = matrix_of(weight, conv);
    y = at::empty({x.size(0), node.out_channels, conv.out_height, conv.out_width}, x.options(),
                  at::MemoryFormat::ChannelsLast);
    at::Tensor rows = as_vectors(y);
    at::mm_out(rows, as_vectors(x), matrix.t());
  }
  set_backward(y, {input, parameter}, [=](const at::Tensor& gradient, const std::vector<bool>& needed) {
    const at::Tensor dy = as_vectors(channels_last(gradient));
    std::vector<at::Tensor> out(2);
    if (needed[0]) {
      out[0] = at::empty_like(x);
      at::Tensor rows = as_vectors(out[0]);
      at::mm_out(rows, dy, matrix);
    }
    if (needed[1]) out[1] = weight_gradient(weight, conv, dy.t().mm(as_vectors(x)));
    return out;
  });
  return y;
}

}  // namespace

Candidate unrolled_candidate() { return {"unrolled", match_unrolled, run_unrolled}; }

}  // namespace retort
