#include "retort/losses.h"

#include <ATen/ops/cross_entropy_loss.h>

#include <limits>

#include "losses/registry.h"

namespace retort {

namespace {

using MakeLoss = Loss (*)(Settings&);

const std::vector<Registered<MakeLoss>>& losses() {
  static const std::vector<Registered<MakeLoss>> rows = {
#define LOSS(name, help) {#name, help, make_##name},
#include "losses/losses.def"
#undef LOSS
  };
  return rows;
}

void check_logits(const at::Tensor& logits) {
  if (logits.dim() == 2 && logits.numel() > 0) return;
  fail("loss", "logits are ", logits.sizes(), "; expected [N, C] of at least one sample and class");
}

// Sums of exponentials need float32; float64 stays.
at::Tensor at_least_float32(const at::Tensor& logits) {
  const bool low = logits.scalar_type() == at::kHalf || logits.scalar_type() == at::kBFloat16;
  return low ? logits.to(at::kFloat) : logits;
}

// What every loss may rely on: logits of one shape, precise enough, and a teacher without gradient.
LossInputs prepared(const LossInputs& in) {
  check_logits(in.student_logits);
  if (in.teacher_logits.sizes() != in.student_logits.sizes()) {
    fail("loss", "the teacher's logits are ", in.teacher_logits.sizes(), "; the student's are ",
         in.student_logits.sizes(), "; both need the same samples and classes");
  }
  return {at_least_float32(in.student_logits), at_least_float32(in.teacher_logits.detach()), in.labels};
}

// A share such as alpha.
void check_share(const char* name, double value) {
  if (!(value >= 0 && value <= 1)) fail_usage("loss", name, " is ", value, "; expected a number in [0, 1]");
}

}  // namespace

Loss make_loss(const std::string& text) {
  const Spec spec = Spec::parse("--loss", text);
  const auto& row = find_registered("--loss", losses(), spec.name);
  Settings settings("--loss " + spec.name, spec.values);
  Loss loss = row.make(settings);
  settings.check_all_read();
  return [loss = std::move(loss)](const LossInputs& in) { return loss(prepared(in)); };
}

std::vector<ListedItem> list_losses() { return list_registered(losses()); }

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing) {
  check_share("label_smoothing", label_smoothing);
  check_logits(logits);
  if (labels.scalar_type() != at::kLong || labels.sizes() != at::IntArrayRef(logits.size(0))) {
    fail("loss", "labels are ", labels.scalar_type(), " ", labels.sizes(), "; expected Long [", logits.size(0),
         "], one a sample");
  }
  constexpr int64_t kIgnoreNone = std::numeric_limits<int64_t>::min();
  try {
    return at::cross_entropy_loss(at_least_float32(logits), labels, /*weight=*/{}, at::Reduction::Mean, kIgnoreNone,
                                  label_smoothing);
  } catch (const c10::IndexError&) {
    fail("loss", "a label is not of the ", logits.size(1), " classes; build the model for the data's classes");
  }
}

at::Tensor distillation_objective(const Loss& distill, double alpha, double label_smoothing, const LossInputs& in) {
  check_share("alpha", alpha);
  if (alpha == 0) return cross_entropy(in.student_logits, in.labels, label_smoothing);
  const at::Tensor soft = distill(in);
  if (alpha == 1) return soft;
  return soft.mul(alpha).add(cross_entropy(in.student_logits, in.labels, label_smoothing), 1 - alpha);
}

}  // namespace retort
