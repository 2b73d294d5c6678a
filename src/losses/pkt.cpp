// Passalis, Tefas: Learning Deep Representations with Probabilistic Knowledge Transfer, ECCV 2018, with the cosine
// kernel.
#include <ATen/ops/linalg_vector_norm.h>

#include "losses/features.h"

namespace retort {

namespace {

constexpr double kEps = 1e-7;

// How likely each sample is a neighbour of each other one, [N, N].
at::Tensor neighbours(const at::Tensor& x) {
  const at::Tensor u = x.div(at::linalg_vector_norm(x, 2, 1, /*keepdim=*/true).add(kEps));
  const at::Tensor similarity = u.mm(u.t()).add(1).div(2);
  return similarity.div(similarity.sum(1, /*keepdim=*/true));
}

}  // namespace

LossTerm make_pkt(Settings&) {
  return {{.student = Look::embedding, .teacher = Look::embedding, .form = Looks::Form::pooled},
          [](const Features& student, const Features& teacher) {
            return sum_of_pairs(student, teacher, [](const at::Tensor& s, const at::Tensor& t) {
              const at::Tensor q = neighbours(s), p = neighbours(t);
              return p.mul(p.add(kEps).div(q.add(kEps)).log()).mean();
            });
          }};
}

}  // namespace retort
