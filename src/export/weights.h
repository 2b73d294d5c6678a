/// \file weights.h
/// The numbers of a graph's parameters, from a safetensors file.
#pragma once

#include <string>
#include <vector>

#include "base/safetensors.h"
#include "graph/int8.h"
#include "retort/graph.h"

namespace retort {

/// A file of weights that is held against the graph it is for.
class GraphWeights {
 public:
  /// Throws Error where a tensor is missing, or of another shape or type than the graph's parameter.
  GraphWeights(const fs::path& file, const Graph& graph);
  /// The numbers of the node's i-th parameter. Throws Error where one is not finite.
  std::vector<float> of(const Node& node, size_t i) const;
  const Parameter& parameter(const Node& node, size_t i) const;
  /// What values were rounded to in training; empty where it was not for INT8. Throws Error on damaged ones.
  Int8Ranges int8_ranges() const;

 private:
  Safetensors file_;
  std::string where_;
  const Graph& graph_;
};

}  // namespace retort
