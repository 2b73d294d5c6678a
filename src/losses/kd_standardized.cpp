// Sun, Ren, Li, Wang, Cao: Logit Standardization in Knowledge Distillation, CVPR 2024, algorithm 1.
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

namespace {

// (x - mean) / (deviation + eps) of each row, the deviation with C - 1. The root's gradient ends at eps.
at::Tensor standardize(const at::Tensor& logits) {
  constexpr double kEps = 1e-7;
  const at::Tensor centred = logits.sub(logits.mean(1, /*keepdim=*/true));
  const at::Tensor variance = centred.square().sum(1, /*keepdim=*/true).div(static_cast<double>(logits.size(1) - 1));
  return centred.div(variance.clamp_min(kEps * kEps).sqrt().add(kEps));
}

}  // namespace

LossTerm make_kd_standardized(Settings& settings) {
  const double t = read_temperature(settings, 2);
  LossTerm term = [t](const LossInputs& in) {
    if (in.student_logits.size(1) < 2) fail("kd_standardized", "needs at least two classes");
    return kd_loss(standardize(in.student_logits), standardize(in.teacher_logits), t);
  };
  term.scale_open = true;
  return term;
}

}  // namespace retort
