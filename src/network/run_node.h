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

/// Counts a batch of which a batch norm takes the statistics, of `values` numbers a channel. Throws Error where that is
/// one, which has no variance.
void count_batch(const Node& node, int64_t values, const at::Tensor& count);

/// Whether `op` gains by overwriting its first input.
bool runs_in_place(Op op);
/// Whether the gradient of `op` leaves its output alone, so that the next node may overwrite it.
bool output_may_be_overwritten(Op op);

}  // namespace retort
