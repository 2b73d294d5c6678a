/// \file combiner.h
/// Combiners and calibrations as ONNX nodes.
#pragma once

#include <string>
#include <vector>

#include "export/onnx_graph.h"
#include "retort/ensemble.h"

namespace retort {

/// Adds what the fitted combiner, or the calibration of one, makes of the members' `logits` [N, classes], and returns
/// its name. All names start with `prefix`. Throws a usage error that says which combiners have nodes.
std::string lower_combiner(OnnxGraph& out, const std::string& spec, const Fitted& fitted,
                           const std::vector<std::string>& logits, const std::string& prefix);

}  // namespace retort
