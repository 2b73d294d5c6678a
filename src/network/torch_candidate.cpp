// LibTorch's own operations: every node, one at a time.
#include "network/plan.h"
#include "network/run_node.h"

namespace retort {

namespace {

std::vector<int> match_any(const Site&, int node) { return {node}; }

at::Tensor run_plain(const StepRun& run) {
  const Node& node = run.node();
  const at::Tensor* second = node.inputs.size() > 1 ? &run.value(node.inputs[1]) : nullptr;
  return run_node(node, {run.value(node.inputs[0]), second, run.parameters, run.training, run.in_place});
}

}  // namespace

Candidate torch_candidate() { return {"torch", match_any, run_plain}; }

}  // namespace retort
