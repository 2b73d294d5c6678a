// Cross entropy, and how it and distillation become what a student minimises.
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/mean.h>

#include <limits>

#include "losses/logits.h"

namespace retort {

namespace {

// A share such as alpha.
void check_share(const char* name, double value) {
  if (!(value >= 0 && value <= 1)) fail_usage("loss", name, " is ", value, "; expected a number in [0, 1]");
}

at::Tensor cross_entropy_of(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing,
                            int64_t reduction) {
  check_labels(labels, logits.size(0));
  constexpr int64_t kIgnoreNone = std::numeric_limits<int64_t>::min();
  try {
    return at::cross_entropy_loss(at_least_float32(logits), labels, /*weight=*/{}, reduction, kIgnoreNone,
                                  label_smoothing);
  } catch (const c10::IndexError&) {
    fail("loss", "a label is not of the ", logits.size(1), " classes; build the model for the data's classes");
  }
}

}  // namespace

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing,
                         const MixedLabels& mixed) {
  check_share("label_smoothing", label_smoothing);
  check_logits(logits);
  if (!mixed.labels.defined()) return cross_entropy_of(logits, labels, label_smoothing, at::Reduction::Mean);
  const at::Tensor first = cross_entropy_of(logits, labels, label_smoothing, at::Reduction::None);
  const at::Tensor second = cross_entropy_of(logits, mixed.labels, label_smoothing, at::Reduction::None);
  return at::lerp(second, first, mixed.shares.to(first.dtype())).mean();
}

LossValue distillation_objective(Loss& distill, double alpha, double label_smoothing, const LossInputs& in) {
  check_share("alpha", alpha);
  if (alpha == 0) return {cross_entropy(in.student_logits, in.labels, label_smoothing, in.mixed), {}};
  const at::Tensor soft = distill(in);
  if (alpha == 1) return {soft, soft.detach()};
  return {soft.mul(alpha).add(cross_entropy(in.student_logits, in.labels, label_smoothing, in.mixed), 1 - alpha),
          soft.detach()};
}

}  // namespace retort
