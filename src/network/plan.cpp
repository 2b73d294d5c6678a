#include "network/plan.h"

#include <algorithm>

#include "network/run_node.h"

namespace retort {

#define RETORT_CANDIDATE(name) Candidate name##_candidate();
#include "network/candidates.def"
#undef RETORT_CANDIDATE

namespace {

std::vector<int> only_readers(const Graph& graph, const std::set<int>& tapped) {
  const int last = static_cast<int>(graph.nodes.size()) - 1;
  std::vector<int> readers(graph.nodes.size(), 0), reader(graph.nodes.size(), -1);
  for (int i = 0; i <= last; ++i) {
    for (const int input : graph.nodes[static_cast<size_t>(i)].inputs) {
      ++readers[static_cast<size_t>(input)];
      reader[static_cast<size_t>(input)] = i;
    }
  }
  for (int i = 0; i <= last; ++i) {
    if (readers[static_cast<size_t>(i)] != 1 || tapped.contains(i) || i == last) reader[static_cast<size_t>(i)] = -1;
  }
  return reader;
}

std::vector<int> inputs_of(const Graph& graph, const std::vector<int>& nodes) {
  std::vector<int> inputs;
  for (const int node : nodes) {
    for (const int input : graph.nodes[static_cast<size_t>(node)].inputs) {
      const bool inner = std::find(nodes.begin(), nodes.end(), input) != nodes.end();
      if (!inner && std::find(inputs.begin(), inputs.end(), input) == inputs.end()) inputs.push_back(input);
    }
  }
  return inputs;
}

Step choose(const Site& site, int node, bool plain) {
  for (const Candidate& candidate : candidates()) {
    if (plain && &candidate != &candidates().back()) continue;
    std::vector<int> nodes = candidate.match(site, node);
    if (!nodes.empty()) return {&candidate, nodes, inputs_of(site.graph, nodes)};
  }
  fail("network", "no candidate runs node '", site.node(node).name, "'");
}

// A step of one node may overwrite its first input where it gains by it, is its only reader, and its gradient does not
// need it.
bool may_overwrite(const Site& site, const Step& step) {
  const int node = step.nodes.front();
  if (step.nodes.size() > 1 || site.node(node).inputs.empty()) return false;
  const int input = site.node(node).inputs[0];
  return runs_in_place(site.node(node).op) && site.only_reader[static_cast<size_t>(input)] == node &&
         output_may_be_overwritten(site.node(input).op);
}

}  // namespace

const std::vector<Candidate>& candidates() {
  static const std::vector<Candidate> kAll = {
#define RETORT_CANDIDATE(name) name##_candidate(),
#include "network/candidates.def"
#undef RETORT_CANDIDATE
  };
  return kAll;
}

Plan make_plan(const Graph& graph, const std::vector<Shape>& shapes, const std::set<int>& tapped, bool plain) {
  Site site{graph, shapes, only_readers(graph, tapped), std::vector<bool>(graph.nodes.size(), false)};
  Plan plan{.last_use = std::vector<int>(graph.nodes.size(), -1)};
  for (size_t i = 1; i < graph.nodes.size(); ++i) {
    if (site.taken[i]) continue;
    Step step = choose(site, static_cast<int>(i), plain);
    for (const int node : step.nodes) site.taken[static_cast<size_t>(node)] = true;
    plan.steps.push_back(std::move(step));
  }
  // A step runs where its last node stands: all that it reads comes before that.
  std::sort(plan.steps.begin(), plan.steps.end(),
            [](const Step& a, const Step& b) { return a.nodes.back() < b.nodes.back(); });
  for (size_t s = 0; s < plan.steps.size(); ++s) {
    for (const int input : plan.steps[s].inputs) plan.last_use[static_cast<size_t>(input)] = static_cast<int>(s);
    plan.in_place.push_back(may_overwrite(site, plan.steps[s]));
  }
  return plan;
}

const Plan& PlanCache::plan_for(const Graph& graph, at::IntArrayRef sizes, const std::set<int>& tapped, bool plain) {
  constexpr size_t kMost = 16;  // of a training and its validation; plans are soon made again
  const Shape image = sizes.slice(1).vec();
  const Key key{image, tapped, plain};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return found->second;
  Plan plan = make_plan(graph, infer_shapes(graph, image), tapped, plain);
  if (plans_.size() >= kMost) plans_.clear();
  return plans_.emplace(key, std::move(plan)).first->second;
}

}  // namespace retort
