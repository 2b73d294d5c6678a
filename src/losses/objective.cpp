// Cross entropy, and how it and distillation become what a student minimises.
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/mean.h>

#include <limits>

#include "losses/logits.h"
#include "losses/registry.h"

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

namespace {

// The same values with gradients times a factor a sample, [N].
at::Tensor with_gradients_of(const at::Tensor& x, const at::Tensor& factors) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  const at::Tensor held = x.detach();
  return held.add(x.sub(held).mul(factors.view(shape).to(x.scalar_type())));
}

// The distillation term, in whose gradients a sample with a label counts `factor` times, one without 1 / `mean`.
at::Tensor distill_of(Loss& distill, const LossInputs& in, double factor, double mean) {
  if (!in.labelled.defined() || in.labelled.size(0) == 0) return distill(in);
  LossInputs scaled = in;
  const at::Tensor factors =
      in.student_logits.detach().new_full({in.student_logits.size(0)}, 1 / mean).index_fill(0, in.labelled, factor);
  scaled.student_logits = with_gradients_of(in.student_logits, factors);
  for (auto& [tap, features] : scaled.student_features) features = with_gradients_of(features, factors);
  return distill(scaled);
}

at::Tensor label_term(const LossInputs& in, double label_smoothing) {
  const LossInputs known = labelled_rows(in);
  const at::Tensor& logits = known.label_logits.defined() ? known.label_logits : known.student_logits;
  if (logits.size(0) == 0) return in.student_logits.sum().mul(0);
  return cross_entropy(logits, known.labels, label_smoothing, known.mixed);
}

}  // namespace

LossValue distillation_objective(Loss& distill, double alpha, double label_smoothing, const LossInputs& in) {
  check_share("alpha", alpha);
  if (alpha == 0) {
    const at::Tensor label = label_term(in, label_smoothing);
    return {label, {}, label.detach()};
  }
  const double share = labelled_share(in), mean = share * alpha + (1 - share);
  const at::Tensor soft = distill_of(distill, in, alpha / mean, mean);
  if (alpha == 1) return {soft, soft.detach(), {}};
  const at::Tensor label = label_term(in, label_smoothing);
  LossValue value{{}, soft.detach(), label.detach(), soft.mul(mean), label.mul((1 - alpha) * share)};
  value.total = value.distill_part.add(value.label_part);
  return value;
}

}  // namespace retort
