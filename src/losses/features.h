/// \file features.h
/// What losses of features share. Maps are [N, C, H, W].
#pragma once

#include <utility>

#include "losses/registry.h"

namespace retort {

/// Tokens as a map: without the first one or two where the others make a square, [T, D] -> [D, H, W]; where they make
/// none, [D, T, 1]. Maps and vectors stay.
Shape map_shape(const Shape& shape);
/// The same of a batch.
at::Tensor as_map(const at::Tensor& features);

/// Means over the pixels, [N, C]; vectors stay.
at::Tensor pooled(const at::Tensor& features);

/// Both at the smaller of the two sizes, by adaptive average pooling.
std::pair<at::Tensor, at::Tensor> at_one_size(const at::Tensor& student, const at::Tensor& teacher);

/// x / |x| along `dim`, 0 where |x| < eps, with a gradient of 0 there.
at::Tensor unit(const at::Tensor& x, int64_t dim, double eps = 1e-12);

/// Mean of the squares of a - b.
at::Tensor mean_square(const at::Tensor& a, const at::Tensor& b);

/// Sum of function(0), ..., function(n - 1).
template <class Function>
at::Tensor sum_over(size_t n, const Function& function) {
  at::Tensor sum = function(0);
  for (size_t i = 1; i < n; ++i) sum = sum.add(function(i));
  return sum;
}

/// Sum of a function of each pair of features.
template <class Function>
at::Tensor sum_of_pairs(const Features& student, const Features& teacher, const Function& function) {
  return sum_over(student.size(), [&](size_t i) { return function(student[i], teacher[i]); });
}

/// Hierarchical context loss of ReviewKD: squared differences of maps and of their means over a 4x4, a 2x2 and a 1x1
/// grid, each with half the weight of the one before.
at::Tensor hierarchical_context(const at::Tensor& student, const at::Tensor& teacher);

/// CRD's estimate: -ln P(the first column is real) - sum ln P(the others are noise), mean over rows of scores
/// [N, 1 + negatives]; `samples` are what negatives are drawn from.
at::Tensor noise_contrastive(const at::Tensor& scores, int64_t negatives, int64_t samples);

}  // namespace retort
