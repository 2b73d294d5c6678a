/// \file init.h
/// Initial values of parameters.
#pragma once

#include <cstdint>
#include <span>

#include "retort/graph.h"

namespace retort {

/// Fills `values` by the parameter's rule: a pure function of seed and name.
void fill_parameter(const Parameter& parameter, uint64_t seed, std::span<float> values);

}  // namespace retort
