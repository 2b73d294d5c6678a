// Zagoruyko, Komodakis: Paying More Attention to Attention, ICLR 2017, as the authors' code scales it.
#include "losses/features.h"

namespace retort {

LossTerm make_attention(Settings& settings) {
  const double power = settings.number("power", 2, 1, 8, "of absolute features, before their mean over channels");
  return {{.student = Look::stages, .teacher = Look::stages, .form = Looks::Form::maps},
          [power](const Features& student, const Features& teacher) {
            const auto attention = [power](const at::Tensor& x) {
              return unit(x.abs().pow(power).mean(1).flatten(1), 1);
            };
            return sum_of_pairs(student, teacher, [&](const at::Tensor& a, const at::Tensor& b) {
              const auto [s, t] = at_one_size(a, b);
              return mean_square(attention(s), attention(t));
            });
          }};
}

}  // namespace retort
