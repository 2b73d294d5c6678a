#include "network/step_clock.h"

#include <utility>

#include "base/machine.h"
#include "network/plan.h"

namespace retort {

namespace {

thread_local StepClock* current_clock = nullptr;

}  // namespace

StepClock::Scope::Scope(StepClock* clock) : before_(std::exchange(current_clock, clock)) {}

StepClock::Scope::~Scope() { current_clock = before_; }

StepClock* StepClock::current() { return current_clock; }

void StepClock::begin(const Graph& graph, const Plan& plan, at::IntArrayRef sizes) {
  if (!times_.empty()) return;
  const std::vector<Shape> shapes = infer_shapes(graph, sizes.slice(1).vec());
  for (const Step& step : plan.steps) times_.push_back({.label = label_of(graph, shapes, step)});
}

at::Tensor StepClock::forward(size_t step, const std::function<at::Tensor()>& run) {
  step_ = step;
  const double before = wall_seconds();
  at::Tensor result = run();
  times_[step].forward += wall_seconds() - before;
  return result;
}

Backward StepClock::timed(Backward backward) {
  return [this, step = step_, backward = std::move(backward)](const at::Tensor& dy, const std::vector<bool>& needed) {
    const double before = wall_seconds();
    std::vector<at::Tensor> gradients = backward(dy, needed);
    times_[step].backward += wall_seconds() - before;
    return gradients;
  };
}

}  // namespace retort
