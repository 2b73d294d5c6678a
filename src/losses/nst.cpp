// Huang, Wang: Like What You Like: Knowledge Distill via Neuron Selectivity Transfer, 2017, with the polynomial kernel
// of degree 2.
#include "losses/features.h"

namespace retort {

LossTerm make_nst(Settings&) {
  return {{.student = Look::stages, .teacher = Look::stages, .form = Looks::Form::maps},
          [](const Features& student, const Features& teacher) {
            const auto kernel = [](const at::Tensor& a, const at::Tensor& b) {
              return a.bmm(b.transpose(1, 2)).square().mean();
            };
            return sum_of_pairs(student, teacher, [&](const at::Tensor& a, const at::Tensor& b) {
              const auto [x, y] = at_one_size(a, b);
              const at::Tensor s = unit(x.flatten(2), 2), t = unit(y.flatten(2), 2);
              return kernel(t, t).add(kernel(s, s)).sub(kernel(s, t), 2);
            });
          }};
}

}  // namespace retort
