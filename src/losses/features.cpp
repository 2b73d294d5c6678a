#include "losses/features.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <cmath>

namespace retort {

namespace {

int64_t side_of_square(int64_t n) {
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(n))));
  return side * side == n ? side : 0;
}

}  // namespace

Shape map_shape(const Shape& shape) {
  if (shape.size() != 2) return shape;
  for (const int64_t tokens : {shape[0], shape[0] - 1, shape[0] - 2}) {
    if (const int64_t side = side_of_square(tokens)) return {shape[1], side, side};
  }
  return {shape[1], shape[0], 1};
}

at::Tensor as_map(const at::Tensor& x) {
  if (x.dim() != 3) return x;
  const Shape shape = map_shape({x.size(1), x.size(2)});
  const int64_t pixels = shape[1] * shape[2];
  const at::Tensor patches = x.slice(1, x.size(1) - pixels);  // tokens of classes and distillation come first
  return patches.transpose(1, 2).reshape({x.size(0), shape[0], shape[1], shape[2]});
}

at::Tensor pooled(const at::Tensor& x) { return x.dim() == 4 ? x.mean({2, 3}) : x; }

std::pair<at::Tensor, at::Tensor> at_one_size(const at::Tensor& s, const at::Tensor& t) {
  const auto to = [height = std::min(s.size(2), t.size(2)),
                   width = std::min(s.size(3), t.size(3))](const at::Tensor& x) {
    if (x.size(2) == height && x.size(3) == width) return x;
    return at::adaptive_avg_pool2d(x, {height, width});
  };
  return {to(s), to(t)};
}

at::Tensor unit(const at::Tensor& x, int64_t dim, double eps) {
  const at::Tensor norm = at::linalg_vector_norm(x, 2, dim, /*keepdim=*/true);
  return x.masked_fill(norm.lt(eps), 0).div(norm.clamp_min(eps));
}

at::Tensor mean_square(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).square().mean(); }

}  // namespace retort
