#include "train/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <utility>

namespace retort {

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
constexpr const char* kNoGradient = "a parameter has no gradient; the loss does not depend on it";
constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_

// Buffers of zeros make the first step like any other.
void step_sgd(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
              const std::vector<at::Tensor>& momenta, double weight_decay, double momentum, double lr, bool nesterov) {
  at::_fused_sgd_(parameters, gradients, momenta, weight_decay, momentum, lr, /*dampening=*/0, nesterov,
                  /*maximize=*/false, /*is_first_step=*/false);
}

/// What one call steps.
struct SgdStep {
  std::vector<at::Tensor> parameters, gradients, momenta;

  void add(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& momentum) {
    parameters.push_back(parameter);
    gradients.push_back(gradient);
    momenta.push_back(momentum);
  }
  void run(double weight_decay, double momentum, double lr) const {
    if (!parameters.empty()) step_sgd(parameters, gradients, momenta, weight_decay, momentum, lr, /*nesterov=*/false);
  }
};

}  // namespace

Optimizer::Optimizer(const std::vector<NamedTensor>& parameters, const OptimizerOptions& options) : options_(options) {
  const bool adamw = options.kind == "adamw", dot = options.kind == "dot";
  if (adamw && !parameters.empty()) {
    // LibTorch counts steps in float32.
    steps_ = at::zeros({}, parameters.front().tensor.options().requires_grad(false));
    state_.push_back({"steps", steps_});
  }
  for (const NamedTensor& p : parameters) {
    Group& group = group_of(p);
    group.parameters.push_back(p.tensor);
    // Without momentum there is nothing to keep.
    if (adamw || dot || options.momentum > 0) {
      group.first.push_back(add_state((adamw ? "exp_avg." : "momentum.") + p.name, p.tensor));
    }
    if (dot) group.second.push_back(add_state("momentum_distill." + p.name, p.tensor));
    if (!adamw) continue;
    group.second.push_back(add_state("exp_avg_sq." + p.name, p.tensor));
    group.steps.push_back(steps_);
  }
}

// The group of its factor and decay, made where there is none yet: one call of a kernel steps a group.
Optimizer::Group& Optimizer::group_of(const NamedTensor& parameter) {
  const auto scale = options_.lr_scale.find(parameter.name);
  const double lr_scale = scale == options_.lr_scale.end() ? 1 : scale->second;
  const bool decays = parameter.tensor.dim() > 1 && !options_.no_decay.contains(parameter.name);
  const double weight_decay = decays ? options_.weight_decay : 0;
  const auto same = [&](const Group& g) { return g.lr_scale == lr_scale && g.weight_decay == weight_decay; };
  const auto it = std::find_if(groups_.begin(), groups_.end(), same);
  if (it != groups_.end()) return *it;
  return groups_.emplace_back(Group{.lr_scale = lr_scale, .weight_decay = weight_decay});
}

at::Tensor Optimizer::add_state(const std::string& name, const at::Tensor& like) {
  const at::NoGradGuard no_grad;
  state_.push_back({name, at::zeros_like(like)});  // keeps the memory format, as the fused kernels need
  return state_.back().tensor;
}

void Optimizer::step(double lr) {
  const at::NoGradGuard no_grad;
  if (steps_.defined()) steps_.add_(1);
  for (Group& group : groups_) {
    if (options_.kind == "dot") {
      update_dot(group, lr * group.lr_scale);
    } else {
      update(group, lr * group.lr_scale);
    }
    // Gradients made anew cost less than zeros that are added to.
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
    group.gradients.clear();
    group.distill_gradients.clear();
  }
}

void Optimizer::take_distill_gradients() {
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.parameters) {
      group.distill_gradients.push_back(std::exchange(parameter.mutable_grad(), at::Tensor()));
    }
  }
}

void Optimizer::update_dot(Group& group, double lr) const {
  if (group.distill_gradients.size() != group.parameters.size()) {
    fail("optimizer", "dot takes a step without the gradients of distillation");
  }
  SgdStep labels, distill, alone;
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor& p = group.parameters[i];
    const at::Tensor &label = p.grad(), &soft = group.distill_gradients[i];
    if (!label.defined() && !soft.defined()) fail("optimizer", kNoGradient);
    if (label.defined() && soft.defined()) {
      labels.add(p, label, group.first[i]);
      distill.add(p, soft, group.second[i]);
    } else {
      alone.add(p, label.defined() ? label : soft, label.defined() ? group.first[i] : group.second[i]);
    }
  }
  labels.run(group.weight_decay, options_.momentum - options_.dot_delta, lr);
  distill.run(/*weight_decay=*/0, options_.momentum + options_.dot_delta, lr);
  alone.run(group.weight_decay, options_.momentum, lr);
}

void Optimizer::update(Group& group, double lr) const {
  for (const at::Tensor& parameter : group.parameters) {
    if (!parameter.grad().defined()) fail("optimizer", kNoGradient);
    group.gradients.push_back(parameter.grad());
  }
  if (options_.kind == "adamw") {
    at::_fused_adamw_(group.parameters, group.gradients, group.first, group.second, {}, group.steps, lr, kBeta1, kBeta2,
                      group.weight_decay, kEps, /*amsgrad=*/false, /*maximize=*/false);
  } else {
    step_sgd(group.parameters, group.gradients, group.first, group.weight_decay, options_.momentum, lr,
             /*nesterov=*/options_.momentum > 0);
  }
}

double clip_gradients(const std::vector<NamedTensor>& parameters, double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& p : parameters) {
    if (p.tensor.grad().defined()) gradients.push_back(p.tensor.grad());  // of dot's parts not all have one
  }
  const at::Tensor norms = at::stack(at::_foreach_norm(gradients, 2));
  const double norm = at::linalg_vector_norm(norms, 2).item<double>();
  if (norm > max_norm) at::_foreach_mul_(gradients, at::Scalar(max_norm / (norm + kClipEps)));
  return norm;
}

}  // namespace retort
