#include "losses/logits.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>

namespace retort {

void check_logits(const at::Tensor& logits) {
  if (logits.dim() == 2 && logits.numel() > 0) return;
  fail("loss", "logits are ", logits.sizes(), "; expected [N, C] of at least one sample and class");
}

at::Tensor at_least_float32(const at::Tensor& tensor) {
  const bool low = tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16;
  return low ? tensor.to(at::kFloat) : tensor;
}

double read_temperature(Settings& settings, double default_value) {
  return settings.number("temperature", default_value, 1e-3, 1e3,
                         "softens both distributions; its square scales the loss");
}

at::Tensor row_kl(const at::Tensor& teacher, const at::Tensor& student) {
  return at::kl_div(student, teacher, at::Reduction::None, /*log_target=*/true).sum(1);
}

at::Tensor kd_loss(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double t) {
  const at::Tensor student = at::log_softmax(student_logits.div(t), 1);
  const at::Tensor teacher = at::log_softmax(teacher_logits.div(t), 1);
  const at::Tensor kl = at::kl_div(student, teacher, at::Reduction::Sum, /*log_target=*/true);
  return kl.mul(t * t / static_cast<double>(student_logits.size(0)));
}

at::Tensor decision_loss(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double smoothing) {
  constexpr int64_t kIgnoreNone = -100;  // PyTorch's default, which no decision is
  return at::cross_entropy_loss(student_logits, teacher_logits.argmax(1), /*weight=*/{}, at::Reduction::Mean,
                                kIgnoreNone, smoothing);
}

void check_labels(const at::Tensor& labels, int64_t samples) {
  if (labels.defined() && labels.scalar_type() == at::kLong && labels.sizes() == at::IntArrayRef(samples)) return;
  fail("loss", "labels are ", labels.defined() ? ::retort::str(labels.scalar_type(), " ", labels.sizes()) : "not there",
       "; expected Long [", samples, "], one a sample");
}

at::Tensor label_column(const LossInputs& in) {
  const int64_t samples = in.student_logits.size(0), classes = in.student_logits.size(1);
  check_labels(in.labels, samples);
  // On other devices this would wait for all that runs there; data sets check their labels when they are opened.
  if (in.labels.is_cpu() && (in.labels.min().item<int64_t>() < 0 || in.labels.max().item<int64_t>() >= classes)) {
    fail("loss", "a label is not of the ", classes, " classes; build the model for the data's classes");
  }
  return in.labels.unsqueeze(1);
}

at::Tensor label_nll(const at::Tensor& logits, const at::Tensor& column) {
  return at::log_softmax(logits, 1).gather(1, column).squeeze(1).neg();
}

}  // namespace retort
