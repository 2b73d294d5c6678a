/// \file ranges.h
/// How much of a value's range INT8 keeps: what lies outside is clipped, so that what lies inside is finer.
#pragma once

#include <string>

#include "retort/infer.h"

namespace retort {

/// Throws a usage error on an unknown method.
void check_range_method(const std::string& method);

/// The magnitude beyond which values are clipped: "minmax": the largest that was seen; "percentile": that which 99.99%
/// do not exceed; "entropy": where the clipped and rounded distribution is closest to the one that was seen, by KL
/// divergence (Migacz, "8-bit inference with TensorRT", GTC 2017).
float clipped_at(const std::string& method, const ValueStats& stats);

}  // namespace retort
