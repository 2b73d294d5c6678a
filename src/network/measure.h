/// \file measure.h
/// What each step of a plan costs in training, measured alone: forward and all its gradients, on random numbers.
#pragma once

#include <vector>

#include "network/step_table.h"

namespace retort {

struct StepCost {
  StepLabel label;
  double seconds = 0;        ///< of one call each way, the best of several
  double torch_seconds = 0;  ///< the same by LibTorch's operations, node by node
};

/// Of every step, in the plan's order. Steps that are alike are measured once; each takes about `seconds`, the plan's
/// and LibTorch's way in turns.
std::vector<StepCost> measure_plan(const Graph& graph, const Shape& image, int64_t batch, int threads, double seconds);

}  // namespace retort
