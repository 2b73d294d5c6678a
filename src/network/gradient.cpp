#include "network/gradient.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <utility>

#include "network/step_clock.h"
#include "retort/base.h"

namespace retort {

namespace {

class BackwardNode : public torch::autograd::Node {
 public:
  BackwardNode(torch::autograd::edge_list&& edges, Backward backward)
      : Node(std::move(edges)), backward_(std::move(backward)) {}
  std::string name() const override { return "RetortBackward"; }
  void release_variables() override { backward_ = nullptr; }

 private:
  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    if (!backward_) fail("network", "a gradient is asked for a second time; what it needs was let go");
    if (!gradients[0].defined()) return torch::autograd::variable_list(num_outputs());
    const at::NoGradGuard no_grad;
    std::vector<bool> needed;
    for (size_t i = 0; i < num_outputs(); ++i) needed.push_back(task_should_compute_output(i));
    return backward_(gradients[0], needed);
  }

  Backward backward_;
};

// Whether somebody will ask for gradients by one of the inputs.
bool wants_gradient(const std::vector<at::Tensor>& inputs) {
  return at::GradMode::is_enabled() &&
         std::any_of(inputs.begin(), inputs.end(), [](const at::Tensor& t) { return t.requires_grad(); });
}

}  // namespace

void set_backward(const at::Tensor& result, const std::vector<at::Tensor>& inputs, Backward backward) {
  if (!wants_gradient(inputs)) return;
  if (StepClock* clock = StepClock::current()) backward = clock->timed(std::move(backward));
  at::Tensor made = result;
  torch::autograd::create_gradient_edge(
      made, c10::make_intrusive<BackwardNode>(torch::autograd::collect_next_edges(inputs), std::move(backward)));
}

}  // namespace retort
