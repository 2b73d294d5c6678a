#include "train/objective.h"

#include <ATen/ops/from_blob.h>

#include <cmath>

namespace retort {

namespace {

std::vector<NamedTensor> named(const Tensors& tensors) {
  std::vector<NamedTensor> out;
  for (const auto& [name, tensor] : tensors) out.push_back({"loss." + name, tensor});
  return out;
}

// Nothing writes to what is wrapped; LibTorch has no read-only tensor.
template <class T>
at::Tensor wrap(const std::vector<T>& values, const at::Device& device) {
  const auto type = at::TensorOptions(c10::CppTypeToScalarType<T>::value);
  return at::from_blob(const_cast<T*>(values.data()), {std::ssize(values)}, type).to(device);
}

MixedLabels mixed_labels(const Batch& batch, const at::Device& device) {
  if (batch.other_labels.empty()) return {};
  return {wrap(batch.other_labels, device), wrap(batch.shares, device)};
}

// Places in the batch of samples with labels, in mixed views with both; undefined where all have.
at::Tensor rows_with_labels(const Batch& batch, const at::Device& device) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < batch.size; ++i) {
    const auto at = static_cast<size_t>(i);
    const bool other = batch.other_labels.empty() || batch.other_labels[at] != kNoLabel;
    if (batch.labels[at] != kNoLabel && other) rows.push_back(i);
  }
  return std::ssize(rows) < batch.size ? wrap(rows, device).clone() : at::Tensor();
}

}  // namespace

Objective::Objective(const TrainOptions& options) : label_smoothing_(options.label_smoothing) {
  if (!options.distill) return;
  alpha_ = options.distill->alpha;
  loss_.emplace(options.distill->loss, options.distill->temperature);
}

std::vector<NamedTensor> Objective::connect(const TrainOptions& options, const Network& student, const ImageShape& size,
                                            const Samples& samples, const Teacher& teacher) {
  if (!options.distill) return {};
  const Graph& graph = student.graph();
  if (!graph.distill_classifier.empty() && alpha_ > 0 && alpha_ < 1) {
    head_ = graph.classifier, distill_head_ = graph.distill_classifier;
  }
  if (alpha_ == 0 || loss_->feature_terms().empty()) return {};
  LossSetup setup{.student = {&graph, {size.channels, size.height, size.width}},
                  .teacher = teacher.looked_at,
                  .members = teacher.networks,
                  .seed = options.seed + options.weight_seed,
                  .options = at::TensorOptions(at::kFloat).device(student.device())};
  for (int64_t i = 0; i < samples.size(); ++i) setup.labels.push_back(samples.label(i));
  loss_->connect(setup);
  return parameters();
}

std::vector<NamedTensor> Objective::parameters() const { return loss_ ? named(loss_->parameters()) : named({}); }
std::vector<NamedTensor> Objective::buffers() const { return loss_ ? named(loss_->buffers()) : named({}); }

Taps Objective::taps() const {
  Taps taps = loss_ ? loss_->student_taps() : Taps();
  if (!head_.empty()) taps[head_], taps[distill_head_];
  return taps;
}

LossValue Objective::operator()(const at::Tensor& logits, Taps taps, const Batch& batch, int64_t epoch,
                                const Lesson* lesson) {
  const at::Tensor labels = wrap(batch.labels, logits.device());
  const MixedLabels mixed = mixed_labels(batch, logits.device());
  if (!lesson) {
    const at::Tensor loss = cross_entropy(logits, labels, label_smoothing_, mixed);
    return {loss, {}, loss.detach()};
  }
  const bool heads = !head_.empty();
  return distillation_objective(*loss_, alpha_, label_smoothing_,
                                {.student_logits = heads ? taps.at(distill_head_) : logits,
                                 .teacher_logits = lesson->logits,
                                 .labels = labels,
                                 .labelled = rows_with_labels(batch, logits.device()),
                                 .label_logits = heads ? taps.at(head_) : at::Tensor(),
                                 .mixed = mixed,
                                 .member_logits = lesson->member_logits,
                                 .epoch = epoch,
                                 .student_features = std::move(taps),
                                 .teacher_features = lesson->features,
                                 .member_features = lesson->member_features,
                                 .positions = batch.positions});
}

void LossMeter::add(int64_t step, const LossValue& value) {
  pending_.push_back({step, value.total.detach(), value.distill, value.label});
}

std::optional<LossMeter::Bad> LossMeter::read(LossSums& sums, bool all) {
  if (!all && pending_.size() < group_) return std::nullopt;
  for (const Pending& p : pending_) {
    const double total = p.total.item<double>();
    if (!std::isfinite(total)) return Bad{p.step, total};
    sums.total += total;
    if (p.distill.defined()) sums.distill += p.distill.item<double>();
    if (p.label.defined()) sums.label += p.label.item<double>();
  }
  pending_.clear();
  return std::nullopt;
}

}  // namespace retort
