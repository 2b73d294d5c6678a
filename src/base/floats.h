/// \file floats.h
/// The numbers of a tensor in a file as float32.
#pragma once

#include <cstddef>
#include <span>

#include "base/safetensors.h"

namespace retort {

/// F32, F16 or BF16.
bool is_float(DType dtype);

/// The first out.size() numbers at `bytes`, which need not be aligned, as float32; the type must be a float.
void decode_floats(DType dtype, const std::byte* bytes, std::span<float> out);

}  // namespace retort
