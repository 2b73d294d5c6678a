/// \file plan.h
/// Which candidate runs each node of a graph, for one shape of images. A node never knows which one runs it; adding a
/// candidate is one file and one line in candidates.def.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "retort/graph.h"

namespace retort {

struct Candidate;

/// Nodes that are run at once: mostly one, several where a candidate fuses them.
struct Step {
  const Candidate* candidate = nullptr;
  std::vector<int> nodes;   ///< in their order; the last one is what it gives
  std::vector<int> inputs;  ///< nodes outside of it that it reads
};

/// What a candidate looks at when it is asked whether it can run the node: the graph at the images at hand.
struct Site {
  const Graph& graph;
  const std::vector<Shape>& shapes;  ///< of every node's output
  std::vector<int> only_reader;  ///< per node: the one node that reads it and nothing else sees it; -1: there is none
  std::vector<bool> taken;       ///< per node: whether a step has it

  const Node& node(int i) const { return graph.nodes[static_cast<size_t>(i)]; }
  const Shape& shape(int i) const { return shapes[static_cast<size_t>(i)]; }
  /// The node's first input's shape.
  const Shape& in_shape(int i) const { return shape(node(i).inputs[0]); }
  /// The one node that reads node i and that may be run with it, or -1.
  int reader(int i) const {
    const int reader = only_reader[static_cast<size_t>(i)];
    return reader >= 0 && !taken[static_cast<size_t>(reader)] ? reader : -1;
  }
};

/// What a step is run with.
struct StepRun {
  const Graph& graph;
  const Step& step;
  const std::vector<at::Tensor>& values;      ///< per node
  const std::vector<at::Tensor>& parameters;  ///< all of the graph's
  bool training = false;
  bool in_place = false;  ///< its first input may be overwritten: nobody else reads it, and no gradient needs it

  const Node& node(size_t i = 0) const { return graph.nodes[static_cast<size_t>(step.nodes[i])]; }
  const at::Tensor& value(int i) const { return values[static_cast<size_t>(i)]; }
  const at::Tensor& parameter(const Node& n, size_t i) const {
    return parameters[static_cast<size_t>(n.parameters[i])];
  }
};

/// A way to run some nodes.
struct Candidate {
  const char* name = nullptr;
  /// The nodes that it would run as one step, beginning with `node`; none where it cannot.
  std::vector<int> (*match)(const Site& site, int node) = nullptr;
  at::Tensor (*run)(const StepRun& run) = nullptr;
};

/// All of them, best first; the last one runs everything.
const std::vector<Candidate>& candidates();

struct Plan {
  std::vector<Step> steps;
  std::vector<int> last_use;   ///< per node: the last step that reads it, so that memory is let go early
  std::vector<bool> in_place;  ///< per step: whether it may overwrite its first input
};

/// `plain`: every node by the last candidate. `shapes` as infer_shapes gives them; `tapped` are nodes whose output
/// somebody asks for.
Plan make_plan(const Graph& graph, const std::vector<Shape>& shapes, const std::set<int>& tapped, bool plain);

/// Plans of one graph that were made, by the images they are for.
class PlanCache {
 public:
  /// For images of `sizes` = [N, C, H, W]; throws as infer_shapes does. The plan lives until the next call.
  const Plan& plan_for(const Graph& graph, at::IntArrayRef sizes, const std::set<int>& tapped, bool plain);

 private:
  using Key = std::tuple<Shape, std::set<int>, bool>;  ///< image, tapped, plain
  std::map<Key, Plan> plans_;
};

}  // namespace retort
