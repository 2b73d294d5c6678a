// Huang, You, Wang, Qian, Xu: Knowledge Distillation from A Stronger Teacher, NeurIPS 2022. The authors' code
// scales by T^2, which their appendix leaves out; so does this.
#include <ATen/ops/linalg_vector_norm.h>

#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

namespace {

// Rows without their mean, of length 1.
at::Tensor normalized(const at::Tensor& rows) {
  constexpr double kEps = 1e-8;
  const at::Tensor centred = rows.sub(rows.mean(1, /*keepdim=*/true));
  return centred.div(at::linalg_vector_norm(centred, 2, 1, /*keepdim=*/true).clamp_min(kEps));
}

// 1 - Pearson's correlation of the rows of a and b, mean over rows.
at::Tensor row_distance(const at::Tensor& a, const at::Tensor& b) {
  return normalized(a).mul(normalized(b)).sum(1).mean().neg().add(1);
}

}  // namespace

LossTerm make_dist(Settings& settings) {
  const double t = read_temperature(settings, 1);
  const double inter =
      settings.number("inter_weight", 1, 0, 1e3, "of the correlation within a sample, the paper's beta");
  const double intra =
      settings.number("intra_weight", 1, 0, 1e3, "of the correlation within a class, the paper's gamma");
  LossTerm term = [=](const LossInputs& in) {
    const at::Tensor q = in.student_logits.div(t).softmax(1), p = in.teacher_logits.div(t).softmax(1);
    return row_distance(q, p).mul(inter * t * t).add(row_distance(q.t(), p.t()), intra * t * t);
  };
  term.scale_open = true;  // a correlation of 1 holds for probabilities that are closer to each other, too
  return term;
}

}  // namespace retort
