// Romero, Ballas, Kahou, Chassang, Gatta, Bengio: FitNets: Hints for Thin Deep Nets, ICLR 2015: the hint term.
#include "losses/features.h"

namespace retort {

LossTerm make_hint(Settings& settings) {
  const std::string projection =
      settings.choice("projection", {"conv", "none"}, "1x1 convolution and batch norm of the student's, or nothing");
  return {{.student = Look::middle, .teacher = Look::middle, .form = Looks::Form::maps},
          [projection](LossParts& parts) -> LossTerm::FeatureFunction {
            std::vector<std::function<at::Tensor(const at::Tensor&)>> regressors;
            for (size_t i = 0; i < parts.size(); ++i) {
              const int64_t in = parts.student(i)[0], out = parts.teacher(i)[0];
              if (projection == "none") {
                if (in != out)
                  fail_usage("hint:projection=none", "the student has ", in, " channels, the teacher ", out);
                regressors.emplace_back([](const at::Tensor& x) { return x; });
                continue;
              }
              const bool relu = ends_in_relu(*parts.teacher_network().graph, parts.teacher_tap(i));
              regressors.emplace_back([relu, project = NormedProjection(parts, str(i), in, out)](const at::Tensor& x) {
                return relu ? project(x).relu() : project(x);
              });
            }
            return [regressors](const Features& student, const Features& teacher, const LossInputs&) {
              return sum_over(student.size(), [&](size_t i) {
                const auto [s, t] = at_one_size(student[i], teacher[i]);
                return mean_square(regressors[i](s), t);
              });
            };
          }};
}

}  // namespace retort
