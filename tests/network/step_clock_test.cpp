#include "network/step_clock.h"

#include <ATen/ops/sum.h>
#include <gtest/gtest.h>

#include <optional>

#include "network/measure.h"
#include "network/tiny_graph.h"

namespace retort {
namespace {

// Logits and gradients of one forward and backward, as bytes.
std::vector<std::string> step(Network& network, StepClock* clock) {
  const at::Tensor images = test::golden_images({4, 2, 12, 12});
  std::optional<StepClock::Scope> scope(clock);
  const at::Tensor logits = network.forward(images, /*training=*/true);
  scope.reset();
  logits.sum().backward();
  std::vector<std::string> bytes = {test::bytes_of(logits)};
  for (const NamedTensor& p : network.parameters()) bytes.push_back(test::bytes_of(p.tensor.grad()));
  return bytes;
}

Network make(Precision precision) {
  Network network(test::without_init(test::tiny_graph()), {.precision = precision});
  test::fill_from_names(network);
  return network;
}

// The plan that runs is the one that `retort plan` measures; candidates of our own tell what their gradients take, and
// what is computed stays the same.
TEST(StepClock, TimesEachStepOfThePlanOnce) {
  Network network = make(Precision::automatic), untimed = make(Precision::automatic);
  StepClock clock;
  EXPECT_EQ(step(network, &clock), step(untimed, nullptr));
  const std::vector<StepCost> plan = measure_plan(test::tiny_graph(), {2, 12, 12}, 4, 1, 0);
  ASSERT_EQ(clock.times().size(), plan.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    const StepTime& time = clock.times()[i];
    EXPECT_EQ(time.label.nodes, plan[i].label.nodes);
    EXPECT_EQ(time.label.candidate, plan[i].label.candidate);
    EXPECT_EQ(time.label.out, plan[i].label.out);
    EXPECT_GT(time.forward, 0) << time.label.nodes.front();
    EXPECT_EQ(time.backward > 0, time.label.candidate != "torch") << time.label.nodes.front();
  }
}

TEST(StepClock, SeesNothingOutsideOfItsScope) {
  Network network = make(Precision::automatic);
  StepClock clock;
  step(network, nullptr);
  EXPECT_TRUE(clock.times().empty());
  step(network, &clock);
  const double forward = clock.times().front().forward;
  step(network, nullptr);
  EXPECT_EQ(clock.times().front().forward, forward);
}

TEST(StepTable, LinesFitATerminal) {
  const StepLabel label{"depthwise", {960, 14, 14}, {960, 14, 14}, {"blocks.4.2.conv_dw", "blocks.4.2.bn2"}};
  const StepCells cells = {milliseconds(1.2345678), milliseconds(0.5), share_text(1, 8)};
  const std::string line = step_line(label, cells);
  EXPECT_EQ(line, "depthwise 960x14x14  960x14x14   1234.568  500.000  12.5%  blocks.4.2.conv_dw +1");
  EXPECT_LE(line.size(), 80u);
  EXPECT_EQ(step_heading({"a", "b", "c"}), "candidate input      output             a        b      c  nodes");
}

}  // namespace
}  // namespace retort
