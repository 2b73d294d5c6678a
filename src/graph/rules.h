/// \file rules.h
/// What every node must keep to, whoever made it: the builder checks it as it adds nodes, shape inference before it
/// reads them.
#pragma once

#include <string>

#include "retort/graph.h"

namespace retort {

/// No count or size in a graph is above this, so that products of a few of them fit into 64 bits.
inline constexpr int64_t kLargestSize = 1 << 24;

/// Opens the error messages about one node: "resnet18: layer1.0.conv1".
std::string node_place(const Graph& graph, const Node& node);

/// Checks the node's own fields, as it stands or will stand at `index`. Throws Error.
void check_node(const Graph& graph, const Node& node, size_t index);

}  // namespace retort
