// Ahn, Hu, Damianou, Lawrence, Dai: Variational Information Distillation for Knowledge Transfer, CVPR 2019.
// mdistiller keeps the variances where its optimiser does not find them; here they are trained.
#include <ATen/ops/softplus.h>

#include <cmath>

#include "losses/features.h"

namespace retort {

namespace {

constexpr double kMinVariance = 1e-5;

/// The likelihood of a teacher's map, by its mean from the student's and a variance a channel.
class Likelihood {
 public:
  Likelihood(LossParts& parts, size_t i, double variance)
      : first_(parts, str(i, ".mean.0"), parts.student(i)[0], parts.teacher(i)[0]),
        second_(parts, str(i, ".mean.1"), parts.teacher(i)[0], parts.teacher(i)[0]),
        third_(parts, str(i, ".mean.2"), parts.teacher(i)[0], parts.teacher(i)[0]),
        // softplus of it and the least variance make `variance`
        scale_(parts.parameter(str(i, ".log_scale"), {parts.teacher(i)[0]}, LossParts::Fill::constant,
                               std::log(std::expm1(variance - kMinVariance)))) {}

  at::Tensor minus_log(const at::Tensor& student, const at::Tensor& teacher) const {
    const auto [s, t] = at_one_size(student, teacher);
    const at::Tensor mean = third_(second_(first_(s).relu()).relu());
    const at::Tensor variance = at::softplus(scale_).add(kMinVariance).view({1, -1, 1, 1});
    return mean.sub(t).square().div(variance).add(variance.log()).mean().div(2);
  }

 private:
  Projection first_, second_, third_;
  at::Tensor scale_;
};

}  // namespace

LossTerm make_vid(Settings& settings) {
  const double variance = settings.number("variance", 5, 1e-3, 1e3, "of each channel before training");
  return {{.student = Look::stages, .teacher = Look::stages, .form = Looks::Form::maps},
          [variance](LossParts& parts) -> LossTerm::FeatureFunction {
            std::vector<Likelihood> likelihoods;
            for (size_t i = 0; i < parts.size(); ++i) likelihoods.emplace_back(parts, i, variance);
            return [likelihoods](const Features& student, const Features& teacher, const LossInputs&) {
              return sum_over(student.size(),
                              [&](size_t i) { return likelihoods[i].minus_log(student[i], teacher[i]); });
            };
          }};
}

}  // namespace retort
