/// \file run_node.h
/// The one place where a node is run. A plan that picks kernels and precisions per node belongs here.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "retort/graph.h"

namespace retort {

/// What a node reads.
struct NodeInputs {
  const at::Tensor& x;
  const at::Tensor* second = nullptr;         ///< of operations on two
  const std::vector<at::Tensor>& parameters;  ///< all of the graph's
  bool training = false;
  bool in_place = false;  ///< x may be overwritten: nobody else reads it, and no gradient needs it
};

at::Tensor run_node(const Node& node, const NodeInputs& in);

/// Whether `op` gains by overwriting its first input.
bool runs_in_place(Op op);
/// Whether the gradient of `op` leaves its output alone, so that the next node may overwrite it.
bool output_may_be_overwritten(Op op);

}  // namespace retort
