#include "network/measure.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "network/tiny_graph.h"

namespace retort {
namespace {

// Each node stands in one step, whichever operation it is; steps cost something.
TEST(MeasurePlan, HasEveryNodeOnce) {
  for (const auto& [graph, image] :
       {std::pair{test::tiny_graph(), Shape{2, 12, 12}}, std::pair{test::tiny_transformer(), Shape{2, 9, 7}}}) {
    std::vector<std::string> named, expected;
    for (const StepCost& cost : measure_plan(graph, image, 2, 1, 0)) {
      named.insert(named.end(), cost.label.nodes.begin(), cost.label.nodes.end());
      EXPECT_GT(cost.seconds, 0) << cost.label.nodes.front();
      EXPECT_GT(cost.torch_seconds, 0) << cost.label.nodes.front();
    }
    for (const Node& node : graph.nodes) {
      if (node.op != Op::input) expected.push_back(node.name);
    }
    std::sort(named.begin(), named.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(named, expected);
  }
}

}  // namespace
}  // namespace retort
