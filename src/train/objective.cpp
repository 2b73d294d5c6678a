#include "train/objective.h"

#include <ATen/ops/from_blob.h>

#include <cmath>

namespace retort {

Objective::Objective(const TrainOptions& options, std::optional<Teacher> teacher)
    : label_smoothing_(options.label_smoothing), teacher_(std::move(teacher)) {
  if (!teacher_) return;
  alpha_ = options.distill->alpha;
  loss_.emplace(options.distill->loss, options.distill->temperature);
}

LossValue Objective::operator()(const at::Tensor& logits, const Batch& batch, int64_t epoch) {
  const at::Tensor labels =
      at::from_blob(const_cast<int64_t*>(batch.labels.data()), {batch.size}, at::TensorOptions().dtype(at::kLong))
          .to(logits.device());
  if (!teacher_) return {cross_entropy(logits, labels, label_smoothing_), {}};
  teacher_logits_.resize(static_cast<size_t>(logits.numel()));
  teacher_->logits(batch, teacher_logits_);
  const LossInputs inputs{.student_logits = logits,
                          .teacher_logits = at::from_blob(teacher_logits_.data(), logits.sizes()).to(logits.device()),
                          .labels = labels,
                          .epoch = epoch};
  return distillation_objective(*loss_, alpha_, label_smoothing_, inputs);
}

void LossMeter::add(int64_t step, const LossValue& value) {
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
