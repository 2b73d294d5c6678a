// Peng, Jin, Liu, Li, Wu, Liu, Zhou, Zhang: Correlation Congruence for Knowledge Distillation, ICCV 2019: the
// Gauss kernel's Taylor series, whose correlations of unit vectors need no projection.
#include <cmath>

#include "losses/features.h"

namespace retort {

LossTerm make_correlation(Settings& settings) {
  const double gamma = settings.number("gamma", 0.4, 1e-3, 10, "of the kernel exp(-gamma |x - y|^2)");
  const int64_t order = settings.integer("order", 2, 1, 10, "of its Taylor series");
  return {{.student = Look::embedding, .teacher = Look::embedding, .form = Looks::Form::pooled},
          [=](const Features& student, const Features& teacher) {
            const auto kernel = [=](const at::Tensor& x) {
              const at::Tensor u = unit(x, 1), cosines = u.mm(u.t());
              at::Tensor term = cosines.new_full({1}, std::exp(-2 * gamma)), sum = term;
              for (int64_t p = 1; p <= order; ++p) {
                term = term.mul(cosines).mul(2 * gamma / static_cast<double>(p));
                sum = sum.add(term);
              }
              return sum;
            };
            return sum_of_pairs(student, teacher, [&](const at::Tensor& s, const at::Tensor& t) {
              return mean_square(kernel(s), kernel(t));
            });
          }};
}

}  // namespace retort
