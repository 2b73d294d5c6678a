// Park, Kim, Lu, Cho: Relational Knowledge Distillation, CVPR 2019, as mdistiller's code.
#include <ATen/ops/smooth_l1_loss.h>

#include "losses/features.h"

namespace retort {

namespace {

// Distances of all pairs over the mean of those above 0. Gradients end at equal vectors.
at::Tensor distances(const at::Tensor& x) {
  const at::Tensor square = x.square().sum(1);
  const at::Tensor squared = square.unsqueeze(0).add(square.unsqueeze(1)).sub(x.mm(x.t()), 2);
  const at::Tensor same = at::Tensor(squared.new_ones({x.size(0)}).diag()).to(at::kBool);
  const at::Tensor d = squared.clamp_min(1e-12).sqrt().masked_fill(same, 0);
  const at::Tensor pairs = d.gt(0).sum().clamp_min(1);
  return d.div(d.sum().div(pairs).clamp_min(1e-12));
}

// Cosines of the angles at i between j and k, [N, N, N].
at::Tensor angles(const at::Tensor& x) {
  const at::Tensor e = unit(x.unsqueeze(0).sub(x.unsqueeze(1)), 2);
  return e.bmm(e.transpose(1, 2));
}

}  // namespace

LossTerm make_rkd(Settings& settings) {
  const double distance_weight = settings.number("distance_weight", 25, 0, 1e6, "of pairs' distances");
  const double angle_weight = settings.number("angle_weight", 50, 0, 1e6, "of triplets' angles");
  return {{.student = Look::embedding, .teacher = Look::embedding, .form = Looks::Form::pooled},
          [=](const Features& student, const Features& teacher) {
            return sum_of_pairs(student, teacher, [&](const at::Tensor& s, const at::Tensor& t) {
              const at::Tensor distance = at::smooth_l1_loss(distances(s), distances(t));
              return distance.mul(distance_weight).add(at::smooth_l1_loss(angles(s), angles(t)), angle_weight);
            });
          }};
}

}  // namespace retort
