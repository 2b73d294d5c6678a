/// \file lower.h
/// A Graph as ONNX nodes.
#pragma once

#include <string>

#include "export/onnx_graph.h"
#include "export/weights.h"

namespace retort {

/// Adds the graph for images of `image` = [C, H, W], which `input` gives as float32 [N, C, H, W], and returns the name
/// of its logits. All names start with `prefix`. Throws Error.
std::string lower_graph(OnnxGraph& out, const Graph& graph, const GraphWeights& weights, const Shape& image,
                        const std::string& input, const std::string& prefix);

}  // namespace retort
