/// \file adapt_input_conv.h
/// The first convolution of a network that is to see images of another number of channels.
#pragma once

#include <ATen/core/Tensor.h>

namespace retort {

/// Whether adapt_input_conv knows a way from one number of channels to another.
bool can_adapt_input_conv(int64_t from, int64_t to);

/// weight [O, I, K, K] float32 -> [O, channels, K, K], as timm's adapt_input_conv (timm/models/_manipulate.py): one
/// channel gets the sum, several get repetitions of three, scaled by 3 / channels.
at::Tensor adapt_input_conv(const at::Tensor& weight, int64_t channels);

}  // namespace retort
