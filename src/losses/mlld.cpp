// Jin, Wang, Lin: Multi-Level Logit Distillation, CVPR 2023, of one view. The masks keep the samples whose largest
// probability, and the classes whose sum of probabilities over the batch, is at most the batch's median, as in the
// authors' code; there they multiply a scalar, so that they leave nothing out but halve it.
#include "losses/logits.h"
#include "losses/registry.h"

namespace retort {

namespace {

// 1 where a value is at most the median.
at::Tensor lower_half(const at::Tensor& values) { return values.le(values.quantile(0.5)).to(values.scalar_type()); }

// Squared differences of the rows' products with each other, summed over those of the mask and divided by their number.
at::Tensor correlation(const at::Tensor& q, const at::Tensor& p, const at::Tensor& mask) {
  const at::Tensor difference = q.mm(q.t()).sub(p.mm(p.t()));
  return difference.square().sum(1).mul(mask).mean();
}

}  // namespace

LossTerm make_mlld(Settings& settings) {
  const double t = read_temperature(settings, 4);
  const bool masks = settings.flag("masks", true, "leave out samples and classes of which the teacher is sure");
  return [=](const LossInputs& in) {
    const at::Tensor probabilities = in.teacher_logits.softmax(1);
    at::Tensor samples = lower_half(probabilities.amax(1)), classes = lower_half(probabilities.sum(0));
    if (!masks) samples = samples.new_ones(samples.sizes()), classes = classes.new_ones(classes.sizes());
    at::Tensor loss = samples.new_zeros({});
    for (const double temperature : {t, 2.0, 3.0, 5.0, 6.0}) {
      const at::Tensor log_q = in.student_logits.div(temperature).log_softmax(1);
      const at::Tensor log_p = in.teacher_logits.div(temperature).log_softmax(1);
      const at::Tensor kl = row_kl(log_p, log_q).mul(samples).mean();
      const at::Tensor q = log_q.exp(), p = log_p.exp();
      loss = loss.add(kl, temperature * temperature).add(correlation(q, p, samples));
      loss = loss.add(correlation(q.t(), p.t(), classes));
    }
    return loss;
  };
}

}  // namespace retort
