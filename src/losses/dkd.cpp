// Zhao, Cui, Song, Qiu, Liang: Decoupled Knowledge Distillation, CVPR 2022, as mdistiller's code weighs it.
#include <ATen/ops/arange.h>
#include <ATen/ops/log_softmax.h>

#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

namespace {

// Columns of the classes that are not the label, [N, C - 1].
at::Tensor other_columns(const at::Tensor& column, int64_t classes) {
  const at::Tensor count = at::arange(classes - 1, column.options());
  return count.add(count.ge(column));
}

// log [p_y, 1 - p_y] as two columns [N], without a difference of near numbers.
struct Binary {
  Binary(const at::Tensor& logits, const at::Tensor& label, const at::Tensor& others) {
    const at::Tensor log_p = at::log_softmax(logits, 1);
    target = log_p.gather(1, label).squeeze(1);
    rest = log_p.gather(1, others).logsumexp(1);
  }
  at::Tensor target, rest;
};

}  // namespace

LossTerm make_dkd(Settings& settings) {
  const double t = read_temperature(settings, 4);
  const double target_weight =
      settings.number("target_weight", 1, 0, 1e3, "of the target class's KL, the paper's alpha");
  const double other_weight = settings.number("other_weight", 8, 0, 1e3, "of the other classes' KL, the paper's beta");
  return of_labelled([=](const LossInputs& in) {
    if (in.student_logits.size(1) < 2) fail("dkd", "needs at least two classes");
    const at::Tensor label = label_column(in);
    const at::Tensor others = other_columns(label, in.student_logits.size(1));
    const at::Tensor student = in.student_logits.div(t), teacher = in.teacher_logits.div(t);
    const Binary q(student, label, others), p(teacher, label, others);
    const at::Tensor target = p.target.exp().mul(p.target.sub(q.target)).add(p.rest.exp().mul(p.rest.sub(q.rest)));
    const at::Tensor other =
        row_kl(at::log_softmax(teacher.gather(1, others), 1), at::log_softmax(student.gather(1, others), 1));
    return target.mean().mul(target_weight * t * t).add(other.mean(), other_weight * t * t);
  });
}

}  // namespace retort
