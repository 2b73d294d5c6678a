/// \file lower.h
/// A Graph as ONNX nodes.
#pragma once

#include <string>

#include "export/onnx_graph.h"
#include "export/weights.h"
#include "retort/export.h"

namespace retort {

/// A graph as it was added.
struct Lowered {
  std::string logits;                              ///< the value's name
  std::vector<Int8Layer> layers;                   ///< its sites (graph/int8.h)
  std::map<std::string, Int8Plan::Value> trained;  ///< what of their inputs the network was trained with
};

/// Adds the graph for images of `image` = [C, H, W], which `input` gives as float32 [N, C, H, W]. All names start with
/// `prefix`. Throws Error.
Lowered lower_graph(OnnxGraph& out, const Graph& graph, const GraphWeights& weights, const Shape& image,
                    const std::string& input, const std::string& prefix);

}  // namespace retort
