#include "train/objective.h"

#include <ATen/ops/from_blob.h>

#include <cmath>

#include "train/options.h"

namespace retort {

Objective::Objective(const TrainOptions& options, std::optional<Teacher> teacher)
    : label_smoothing_(options.label_smoothing), teacher_(std::move(teacher)) {
  if (!teacher_) return;
  alpha_ = options.distill->alpha;
  loss_ = make_loss(loss_spec(*options.distill));
}

Objective::Value Objective::operator()(const at::Tensor& logits, const Batch& batch) {
  const at::Tensor labels =
      at::from_blob(const_cast<int64_t*>(batch.labels.data()), {batch.size}, at::TensorOptions().dtype(at::kLong))
          .to(logits.device());
  if (!teacher_) return {cross_entropy(logits, labels, label_smoothing_), {}};
  teacher_logits_.resize(static_cast<size_t>(logits.numel()));
  teacher_->logits(batch, teacher_logits_);
  const LossInputs inputs{logits, at::from_blob(teacher_logits_.data(), logits.sizes()).to(logits.device()), labels};
  at::Tensor distill;
  const Loss kept = [&](const LossInputs& in) {
    at::Tensor loss = loss_(in);
    distill = loss.detach();
    return loss;
  };
  at::Tensor total = distillation_objective(kept, alpha_, label_smoothing_, inputs);
  return {std::move(total), std::move(distill)};
}

void LossMeter::add(int64_t step, const Objective::Value& value) {
  pending_.push_back({step, value.total.detach(), value.distill});
}

std::optional<LossMeter::Bad> LossMeter::read(LossSums& sums, bool all) {
  if (!all && pending_.size() < group_) return std::nullopt;
  for (const Pending& p : pending_) {
    const double total = p.total.item<double>();
    if (!std::isfinite(total)) return Bad{p.step, total};
    sums.total += total;
    if (p.distill.defined()) sums.distill += p.distill.item<double>();
  }
  pending_.clear();
  return std::nullopt;
}

}  // namespace retort
