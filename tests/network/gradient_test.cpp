// Gradients: of every parameter, against difference quotients, and of networks that train side by side.
#include <gtest/gtest.h>

#include <thread>

#include "network/tiny_graph.h"

namespace retort {
namespace {

// A network that computes in float64, in which difference quotients are exact enough.
Network double_network(Graph graph) {
  set_threads(1);
  Network network(std::move(graph), {.precision = Precision::f32});
  test::fill_from_names(network);
  for (const auto& [name, tensor] : test::all_tensors(network)) {
    if (tensor.is_floating_point()) at::Tensor(tensor).set_data(tensor.detach().to(at::kDouble));
  }
  return network;
}

// A sum of the logits with uneven weights, in float64; forward's result itself is float32.
at::Tensor objective(Network& network, const at::Tensor& images, bool training) {
  Taps taps{{network.graph().nodes.back().name, {}}};
  network.forward(images, training, &taps);
  const at::Tensor& logits = taps.begin()->second;
  std::vector<double> weights = test::unit("objective", logits.numel());
  return logits.mul(at::from_blob(weights.data(), logits.sizes(), at::kDouble).clone()).sum();
}

class Gradient : public testing::TestWithParam<Graph (*)()> {};
INSTANTIATE_TEST_SUITE_P(Graphs, Gradient, testing::Values(test::tiny_graph, test::tiny_transformer),
                         [](const auto& test) { return test.param().architecture; });

TEST_P(Gradient, IsTheDifferenceQuotientOfEveryParameter) {
  const at::Tensor images = test::golden_images({2, 2, 9, 7}).to(at::kDouble);
  for (const bool training : {false, true}) {
    Network network = double_network(GetParam()());
    objective(network, images, training).backward();
    for (const auto& [name, tensor] : network.parameters()) {
      ASSERT_TRUE(tensor.grad().defined()) << name;
      const at::NoGradGuard no_grad;
      std::vector<double> values = test::unit("direction of " + name, tensor.numel());
      const at::Tensor direction = at::from_blob(values.data(), tensor.sizes(), at::kDouble).clone();
      const double expected = tensor.grad().mul(direction).sum().item().toDouble();
      constexpr double kStep = 1e-6;
      at::Tensor parameter = tensor;
      const auto shifted = [&](double by) {
        parameter.add_(direction, by);
        return objective(network, images, training).item().toDouble();
      };
      const double above = shifted(kStep), below = shifted(-2 * kStep);
      parameter.add_(direction, kStep);
      EXPECT_NEAR((above - below) / (2 * kStep), expected, 1e-7) << name << (training ? " in training" : "");
    }
  }
}

struct Step {
  std::string logits;
  std::map<std::string, std::string> gradients, state;
  friend bool operator==(const Step&, const Step&) = default;
};

// A few steps of plain gradient descent on one thread.
Step train(uint64_t seed) {
  set_threads(1);
  Network network(test::tiny_graph(), {.precision = Precision::bf16, .seed = seed});
  const at::Tensor images = test::golden_images({4, 2, 12, 12});
  Step step;
  for (int i = 0; i < 5; ++i) {
    const at::Tensor logits = network.forward(images, true);
    logits.square().sum().backward();
    step.logits = test::bytes_of(logits);
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : network.parameters()) {
      step.gradients[name] = test::bytes_of(tensor.grad());
      at::Tensor(tensor).sub_(tensor.grad(), 0.01);
      tensor.mutable_grad().reset();
    }
  }
  step.state = test::state_of(network);
  return step;
}

TEST(Threads, NetworksSideBySideAreAsAlone) {
  constexpr size_t kNetworks = 3;
  std::vector<Step> alone(kNetworks), together(kNetworks);
  const auto run = [](Step& out, uint64_t seed) { std::thread([&out, seed] { out = train(seed); }).join(); };
  for (size_t i = 0; i < kNetworks; ++i) run(alone[i], i);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kNetworks; ++i) threads.emplace_back([&, i] { together[i] = train(i); });
  }
  for (size_t i = 0; i < kNetworks; ++i) EXPECT_TRUE(together[i] == alone[i]) << i;
  EXPECT_FALSE(alone[0] == alone[1]);
}

}  // namespace
}  // namespace retort
