/// \file read_values.h
/// Numbers of a safetensors file as a parameter's.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/safetensors.h"

namespace retort {

/// Whether numbers of this type can become a parameter's: I64 for integers, F32, F16 or BF16 for all else.
bool is_readable(DType dtype, bool integer);

/// Copies numbers into `target`, which has their shape, in any memory format and on any device. Returns whether all
/// are finite. The type must be a readable one.
bool read_values(const TensorView& view, at::Tensor target);

}  // namespace retort
