// Liu, Huang, Wu, Tan, Sun, Xie, Lu: Exploring Inter-Channel Correlation for Diversity-preserved Knowledge
// Distillation, ICCV 2021, without its grid distillation.
#include "losses/features.h"

namespace retort {

namespace {

// Products of all channels of a sample with each other, rows of length 1, [N, C, C].
at::Tensor correlations(const at::Tensor& x) {
  const at::Tensor flat = x.flatten(2);
  return unit(flat.bmm(flat.transpose(1, 2)), 2);
}

}  // namespace

LossTerm make_ickd(Settings&) {
  return {{.form = Looks::Form::maps}, [](LossParts& parts) -> LossTerm::FeatureFunction {
            std::vector<Projection> projections;
            for (size_t i = 0; i < parts.size(); ++i) {
              projections.emplace_back(parts, str(i), parts.student(i)[0], parts.teacher(i)[0]);
            }
            return [projections](const Features& student, const Features& teacher, const LossInputs&) {
              return sum_over(student.size(), [&](size_t i) {
                const at::Tensor s = correlations(projections[i](student[i])), t = correlations(teacher[i]);
                return s.sub(t).square().sum().div(s.size(0) * s.size(0) * s.size(1));
              });
            };
          }};
}

}  // namespace retort
