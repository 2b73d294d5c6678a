/// \file gradient.h
/// Operations of our own in LibTorch's autograd. Its headers are slow to compile and seen by gradient.cpp alone.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace retort {

/// From dy, the gradient by the result, to gradients by the inputs, in their order; those that `needed` does not ask
/// for may stay undefined. Runs at most once and without recording. What it holds is let go after that; it must not
/// hold the result itself, only result.detach().
using Backward = std::function<std::vector<at::Tensor>(const at::Tensor& dy, const std::vector<bool>& needed)>;

/// Makes `result`, which was computed from the inputs without recording and is no view, an operation of autograd. Does
/// nothing where nobody wants a gradient.
void set_backward(const at::Tensor& result, const std::vector<at::Tensor>& inputs, Backward backward);

}  // namespace retort
