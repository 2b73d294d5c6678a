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

namespace retort {

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_

}  // namespace

Optimizer::Optimizer(const std::vector<NamedTensor>& parameters, const OptimizerOptions& options) : options_(options) {
  const bool adamw = options.kind == "adamw";
  if (adamw && !parameters.empty()) {
    // LibTorch counts steps in float32.
    steps_ = at::zeros({}, parameters.front().tensor.options().requires_grad(false));
    state_.push_back({"steps", steps_});
  }
  for (const NamedTensor& p : parameters) {
    Group& group = group_of(p);
    group.parameters.push_back(p.tensor);
    // Without momentum there is nothing to keep.
    if (adamw || options.momentum > 0) {
      group.first.push_back(add_state((adamw ? "exp_avg." : "momentum.") + p.name, p.tensor));
    }
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
  for (Group& group : groups_) update(group, lr * group.lr_scale);
}

void Optimizer::update(Group& group, double lr) const {
  group.gradients.clear();
  for (const at::Tensor& parameter : group.parameters) {
    if (!parameter.grad().defined()) fail("optimizer", "a parameter has no gradient; the loss does not depend on it");
    group.gradients.push_back(parameter.grad());
  }
  if (options_.kind == "adamw") {
    at::_fused_adamw_(group.parameters, group.gradients, group.first, group.second, {}, group.steps, lr, kBeta1, kBeta2,
                      group.weight_decay, kEps, /*amsgrad=*/false, /*maximize=*/false);
  } else {
    // Buffers of zeros make the first step like any other.
    at::_fused_sgd_(group.parameters, group.gradients, group.first, group.weight_decay, options_.momentum, lr,
                    /*dampening=*/0, /*nesterov=*/options_.momentum > 0, /*maximize=*/false, /*is_first_step=*/false);
  }
  // Gradients made anew cost less than zeros that are added to.
  group.gradients.clear();
  for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
}

double clip_gradients(const std::vector<NamedTensor>& parameters, double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& p : parameters) gradients.push_back(p.tensor.grad());
  const at::Tensor norms = at::stack(at::_foreach_norm(gradients, 2));
  const double norm = at::linalg_vector_norm(norms, 2).item<double>();
  if (norm > max_norm) at::_foreach_mul_(gradients, at::Scalar(max_norm / (norm + kClipEps)));
  return norm;
}

}  // namespace retort
