/// \file init.h
/// Initial values of parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "retort/graph.h"

namespace retort {

/// Fills `values` by the parameter's rule: a pure function of seed and name.
void fill_parameter(const Parameter& parameter, uint64_t seed, std::span<float> values);
/// The same for a tensor of any memory format on any device; integers become 0.
void fill_tensor(const Parameter& parameter, uint64_t seed, at::Tensor tensor);

}  // namespace retort
