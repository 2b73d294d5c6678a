#include "train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace retort {

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
constexpr double kClipEps = 1e-6;  // as torch.nn.utils.clip_grad_norm_
constexpr int64_t kPiece = 4096;   // numbers; what belongs to them stays in the nearest cache
constexpr int64_t kGrain = 16;     // pieces that are worth a thread

float to_float(double x) { return static_cast<float>(x); }

bool kernels_can(const at::Tensor& t) {
  return t.device().is_cpu() && t.scalar_type() == at::kFloat && t.is_non_overlapping_and_dense();
}

// The gradient in the weight's order of memory, which autograd gives it; sizes of one have none.
at::Tensor in_order_of(const at::Tensor& weight, const at::Tensor& gradient) {
  bool same = gradient.scalar_type() == weight.scalar_type();
  for (int64_t d = 0; d < weight.dim(); ++d) {
    same = same && (weight.size(d) == 1 || weight.stride(d) == gradient.stride(d));
  }
  return same ? gradient : at::empty_like(weight).copy_(gradient);
}

float* at_piece(const at::Tensor& t, int64_t begin) { return t.mutable_data_ptr<float>() + begin; }

}  // namespace

Optimizer::Optimizer(const std::vector<NamedTensor>& parameters, const OptimizerOptions& options) : options_(options) {
  if (options.kind == "adamw" && !parameters.empty()) {
    // LibTorch counts steps in float32.
    steps_ = at::zeros({}, parameters.front().tensor.options().dtype(at::kFloat).requires_grad(false));
    state_.push_back({"steps", steps_});
  }
  for (const NamedTensor& p : parameters) {
    slots_.push_back(make_slot(p));
    if (!slots_.back().by_kernels) continue;
    for (int64_t begin = 0; begin < p.tensor.numel(); begin += kPiece) {
      pieces_.push_back({slots_.size() - 1, begin, std::min(p.tensor.numel(), begin + kPiece)});
    }
  }
}

Optimizer::Slot Optimizer::make_slot(const NamedTensor& p) {
  const bool adamw = options_.kind == "adamw", dot = options_.kind == "dot";
  const bool decays = p.tensor.dim() > 1 && !options_.no_decay.contains(p.name);
  const auto scale = options_.lr_scale.find(p.name);
  Slot slot{.name = p.name, .weight = p.tensor, .by_kernels = kernels_can(p.tensor)};
  slot.lr_scale = scale == options_.lr_scale.end() ? 1 : scale->second;
  slot.weight_decay = decays ? options_.weight_decay : 0;
  // Without momentum there is nothing to keep.
  if (adamw || dot || options_.momentum > 0) {
    slot.first = add_state((adamw ? "exp_avg." : "momentum.") + p.name, p.tensor);
  }
  if (adamw) slot.second = add_state("exp_avg_sq." + p.name, p.tensor);
  if (dot) slot.second = add_state("momentum_distill." + p.name, p.tensor);
  return slot;
}

// Of zeros, which make the first step like any other.
at::Tensor Optimizer::add_state(const std::string& name, const at::Tensor& like) {
  const at::NoGradGuard no_grad;
  state_.push_back({name, at::zeros_like(like)});  // keeps the order of memory
  return state_.back().tensor;
}

void Optimizer::keep_averages(const std::vector<NamedTensor>& averages, double decay) {
  average_rate_ = 1 - decay;
  std::map<std::string, Slot*> by_name;
  for (Slot& slot : slots_) by_name.emplace(slot.name, &slot);
  for (const NamedTensor& average : averages) {
    if (const auto it = by_name.find(average.name); it != by_name.end()) it->second->average = average.tensor;
  }
}

double Optimizer::clip(double max_norm) {
  const at::NoGradGuard no_grad;
  double squares = 0;
  for (const Slot& slot : slots_) {
    const at::Tensor& gradient = slot.weight.grad();
    if (!gradient.defined()) continue;  // of dot's parts not all have one
    if (slot.by_kernels && kernels_can(gradient)) {
      squares += sum_of_squares(gradient.numel(), gradient.const_data_ptr<float>());
    } else {
      squares += std::pow(at::linalg_vector_norm(gradient).item<double>(), 2);
    }
  }
  const double norm = std::sqrt(squares);
  scale_ = norm > max_norm ? max_norm / (norm + kClipEps) : 1;
  return norm;
}

void Optimizer::take_distill_gradients() {
  for (Slot& slot : slots_) slot.distill_gradient = std::exchange(slot.weight.mutable_grad(), at::Tensor());
  distill_scale_ = std::exchange(scale_, 1);
  distill_taken_ = true;
}

void Optimizer::step(double lr) {
  const at::NoGradGuard no_grad;
  if (options_.kind == "dot" && !distill_taken_) {
    fail("optimizer", "dot takes a step without the gradients of distillation");
  }
  for (Slot& slot : slots_) set_moves(slot, lr * slot.lr_scale);
  if (steps_.defined()) steps_.add_(1);
  at::parallel_for(0, static_cast<int64_t>(pieces_.size()), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) run(pieces_[static_cast<size_t>(i)], lr);
  });
  for (Slot& slot : slots_) {
    if (!slot.by_kernels) run_by_torch(slot, lr);
    // Gradients made anew cost less than zeros that are added to.
    slot.weight.mutable_grad().reset();
    slot.label = slot.distill = {};
    slot.distill_gradient.reset();
  }
  scale_ = distill_scale_ = 1;
  distill_taken_ = false;
}

void Optimizer::set_moves(Slot& slot, double lr) const {
  const at::Tensor& gradient = slot.weight.grad();
  if (!gradient.defined() && !slot.distill_gradient.defined()) {
    fail("optimizer", "a parameter has no gradient; the loss does not depend on it");
  }
  if (options_.kind == "dot") return set_dot_moves(slot, lr);
  slot.label = {in_order_of(slot.weight, gradient),
                slot.first,
                {.lr = to_float(lr),
                 .momentum = to_float(options_.momentum),
                 .weight_decay = to_float(slot.weight_decay),
                 .gradient_scale = to_float(scale_),
                 .nesterov = options_.momentum > 0}};
}

void Optimizer::set_dot_moves(Slot& slot, double lr) const {
  const at::Tensor &label = slot.weight.grad(), &distill = slot.distill_gradient;
  const bool both = label.defined() && distill.defined();
  const double delta = both ? options_.dot_delta : 0;
  const SgdStep step{.lr = to_float(lr), .weight_decay = to_float(slot.weight_decay)};
  if (label.defined()) {
    slot.label = {in_order_of(slot.weight, label), slot.first, step};
    slot.label.step.momentum = to_float(options_.momentum - delta);
    slot.label.step.gradient_scale = to_float(scale_);
  }
  if (!distill.defined()) return;
  slot.distill = {in_order_of(slot.weight, distill), slot.second, step};
  slot.distill.step.momentum = to_float(options_.momentum + delta);
  slot.distill.step.gradient_scale = to_float(distill_scale_);
  if (both) slot.distill.step.weight_decay = 0;
}

AdamwStep Optimizer::adamw(const Slot& slot, double lr) const {
  const double steps = static_cast<double>(*steps_.const_data_ptr<float>());
  return {.lr = to_float(lr * slot.lr_scale),
          .weight_decay = to_float(slot.weight_decay),
          .mean_rate = to_float(1 - kBeta1),
          .square_rate = to_float(1 - kBeta2),
          .eps = to_float(kEps),
          .gradient_scale = to_float(scale_),
          .mean_correction = to_float(1 - std::pow(kBeta1, steps)),
          .square_correction = to_float(1 - std::pow(kBeta2, steps))};
}

void Optimizer::run(const Piece& piece, double lr) const {
  const Slot& slot = slots_[piece.slot];
  const int64_t n = piece.end - piece.begin;
  float* weight = at_piece(slot.weight, piece.begin);
  if (options_.kind == "adamw") {
    const float* gradient = slot.label.gradient.const_data_ptr<float>() + piece.begin;
    adamw_step(adamw(slot, lr), n, gradient, at_piece(slot.first, piece.begin), at_piece(slot.second, piece.begin),
               weight);
  } else {
    for (const Move* move : {&slot.label, &slot.distill}) {
      if (!move->gradient.defined()) continue;
      float* momentum = move->momentum.defined() ? at_piece(move->momentum, piece.begin) : nullptr;
      sgd_step(move->step, n, move->gradient.const_data_ptr<float>() + piece.begin, momentum, weight);
    }
  }
  if (slot.average.defined()) move_average(n, to_float(average_rate_), weight, at_piece(slot.average, piece.begin));
}

void Optimizer::run_by_torch(Slot& slot, double lr) const {
  for (const Move* move : {&slot.label, &slot.distill}) {
    if (!move->gradient.defined()) continue;
    const SgdStep& step = move->step;
    const at::Tensor gradient = step.gradient_scale == 1 ? move->gradient : move->gradient.mul(step.gradient_scale);
    if (options_.kind == "adamw") {
      at::_fused_adamw_({slot.weight}, {gradient}, {slot.first}, {slot.second}, {}, {steps_}, lr * slot.lr_scale,
                        kBeta1, kBeta2, slot.weight_decay, kEps, /*amsgrad=*/false, /*maximize=*/false);
      continue;
    }
    const std::vector<at::Tensor> momenta(move->momentum.defined() ? 1 : 0, move->momentum);
    at::_fused_sgd_({slot.weight}, {gradient}, momenta, step.weight_decay, step.momentum, step.lr, /*dampening=*/0,
                    step.nesterov, /*maximize=*/false, /*is_first_step=*/false);
  }
  if (slot.average.defined()) slot.average.lerp_(slot.weight, average_rate_);
}

}  // namespace retort
