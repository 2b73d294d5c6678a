#include "losses/members.h"

#include <algorithm>
#include <cmath>

#include "losses/logits.h"

namespace retort {

const at::Tensor& member_logits(const LossInputs& in) {
  const at::Tensor& members = in.member_logits;
  if (members.defined() && members.dim() == 3 && members.size(0) > 0 &&
      members[0].sizes() == in.student_logits.sizes()) {
    return members;
  }
  fail("loss", "needs the logits of each of the teacher's members, [M, ", in.student_logits.size(0), ", ",
       in.student_logits.size(1), "]");
}

at::Tensor member_kd(const LossInputs& in, double t) {
  const at::Tensor log_p = member_logits(in).div(t).log_softmax(2);
  const at::Tensor log_q = in.student_logits.div(t).log_softmax(1).unsqueeze(0);
  return log_p.exp().mul(log_p.sub(log_q)).sum(2).mul(t * t);
}

at::Tensor member_label_nll(const LossInputs& in) {
  const at::Tensor log_p = member_logits(in).log_softmax(2);
  const at::Tensor column = label_column(in).unsqueeze(0).expand({log_p.size(0), -1, -1});
  return log_p.gather(2, column).squeeze(2).neg();
}

// Pairs exchange weight until none gains: the problem is convex.
std::vector<double> least_norm_weights(const at::Tensor& rows, double largest) {
  const at::Tensor products = rows.mm(rows.t()).to(at::kCPU, at::kDouble).contiguous();
  const auto m = static_cast<size_t>(rows.size(0));
  const double* gram = products.const_data_ptr<double>();
  const double bound = std::max(largest, 1 / static_cast<double>(m));
  std::vector<double> w(m, 1 / static_cast<double>(m));
  const auto slope = [&](size_t i) {
    double sum = 0;
    for (size_t k = 0; k < m; ++k) sum += gram[i * m + k] * w[k];
    return sum;
  };
  double moved = 1;
  for (int round = 0; round < 1000 && moved > 1e-12; ++round) {
    moved = 0;
    for (size_t i = 0; i < m; ++i) {
      for (size_t j = i + 1; j < m; ++j) {
        const double curvature = gram[i * m + i] + gram[j * m + j] - 2 * gram[i * m + j];
        if (curvature <= 0) continue;
        const double step =
            std::clamp((slope(j) - slope(i)) / curvature, std::max(-w[i], w[j] - bound), std::min(bound - w[i], w[j]));
        w[i] += step;
        w[j] -= step;
        moved = std::max(moved, std::abs(step));
      }
    }
  }
  return w;
}

}  // namespace retort
