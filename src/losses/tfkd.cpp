// Yuan, Tay, Li, Wang, Feng: Revisiting Knowledge Distillation via Label Smoothing Regularization, CVPR 2020: the
// teacher gives the label `correct`, and the other classes the rest in equal parts.
#include <ATen/ops/full_like.h>

#include <cmath>

#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

LossTerm make_tfkd(Settings& settings) {
  const double t = read_temperature(settings, 1);
  const double correct =
      settings.number("correct", 0.99, 0.5, 0.999999, "the virtual teacher's probability of the label");
  return of_labelled([=](const LossInputs& in) {
    const int64_t classes = in.student_logits.size(1);
    if (classes < 2) fail("tfkd", "needs at least two classes");
    const double rest = (1 - correct) / static_cast<double>(classes - 1);
    const at::Tensor logits = at::full_like(in.student_logits.detach(), std::log(rest));
    return kd_loss(in.student_logits, logits.scatter(1, label_column(in), std::log(correct)), t);
  });
}

}  // namespace retort
