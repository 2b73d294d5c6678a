// Zhou, Song, Chen, Zhou, Wang, Yuan, Zhang: Rethinking Soft Labels for Knowledge Distillation, ICLR 2021.
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

LossTerm make_wsld(Settings& settings) {
  const double t = read_temperature(settings, 2);
  return of_labelled([t](const LossInputs& in) {
    const at::Tensor label = label_column(in);
    const at::Tensor ratio =
        label_nll(in.student_logits.detach(), label).div(label_nll(in.teacher_logits, label).add(1e-7));
    const at::Tensor log_q = in.student_logits.div(t).log_softmax(1);
    const at::Tensor soft = in.teacher_logits.div(t).softmax(1).mul(log_q).sum(1).neg();
    return ratio.neg().exp().neg().add(1).mul(soft).mean().mul(t * t);
  });
}

}  // namespace retort
