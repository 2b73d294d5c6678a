/// \file losses.h
/// Supervised and distillation losses. All logits are [N, C]; losses are scalars, means over the batch unless
/// docs/losses.md says otherwise. Losses are not thread-safe; different ones may run on different threads at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retort/base.h"

namespace retort {

struct LossInputs {
  at::Tensor student_logits = {};  ///< [N, C]
  at::Tensor teacher_logits = {};  ///< [N, C], no gradient flows into it
  at::Tensor labels = {};          ///< [N] int64
  int64_t epoch = 0;               ///< from 0, for warm-ups
};

struct LossTerm;

/// A distillation loss: the sum of one or several terms, each with its weight.
class Loss {
 public:
  /// `spec`: terms such as `kd:temperature=4 + dist:weight=2:warmup=5`. Every term takes `weight`, whose default is the
  /// reference's, and `warmup`: epochs over which the weight grows to its full, by min((epoch + 1) / warmup, 1).
  /// `temperature` is that of all terms that take one and were not given their own. Throws a usage error.
  explicit Loss(const std::string& spec, std::optional<double> temperature = {});
  ~Loss();
  Loss(Loss&&) noexcept;
  Loss& operator=(Loss&&) noexcept;

  /// A scalar that knows its gradient. Throws Error on logits that do not fit each other or the labels.
  at::Tensor operator()(const LossInputs& inputs);

 private:
  std::vector<LossTerm> terms_;
};

std::vector<ListedItem> list_losses();

/// -sum_c q_c log p_c with q = (1 - s) onehot + s / C (Szegedy et al. 2016, section 7); s = label_smoothing.
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing = 0);

/// What a student minimises.
struct LossValue {
  at::Tensor total;    ///< knows its gradient
  at::Tensor distill;  ///< the distillation term before alpha weighs it, without gradient; undefined where alpha is 0
};
/// alpha * distill + (1 - alpha) * CE. alpha weighs the distillation term; other projects use it the other way round.
/// A term without weight is not computed.
LossValue distillation_objective(Loss& distill, double alpha, double label_smoothing, const LossInputs& inputs);

}  // namespace retort
