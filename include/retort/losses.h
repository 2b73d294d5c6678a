/// \file losses.h
/// Supervised and distillation losses. All logits are [N, C]; losses are scalars, means over the batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort {

struct LossInputs {
  at::Tensor student_logits;  ///< [N, C]
  at::Tensor teacher_logits;  ///< [N, C], no gradient flows into it
  at::Tensor labels;          ///< [N] int64
};

/// A distillation loss: inputs -> scalar tensor that knows its gradient.
using Loss = std::function<at::Tensor(const LossInputs&)>;

/// Makes the loss of a spec, such as `kd:temperature=3`. Throws a usage error.
Loss make_loss(const std::string& spec);
std::vector<ListedItem> list_losses();

/// -sum_c q_c log p_c with q = (1 - s) onehot + s / C (Szegedy et al. 2016, section 7); s = label_smoothing.
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing = 0);

/// alpha * distill + (1 - alpha) * CE. alpha weighs the distillation term; other projects use it the other way round.
at::Tensor distillation_objective(const Loss& distill, double alpha, double label_smoothing, const LossInputs& inputs);

}  // namespace retort
