/// \file losses.h
/// Supervised and distillation losses. All logits are [N, C]; losses are scalars, means over the batch unless
/// docs/losses.md says otherwise. A loss is not thread-safe; different ones may run on different threads at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retort/graph.h"

namespace retort {

/// Tensors by name: features by their taps, what a loss keeps by its own names.
using Tensors = std::map<std::string, at::Tensor>;

/// The second labels of mixed views (mixup, cutmix).
struct MixedLabels {
  at::Tensor labels = {};  ///< [N] int64; undefined where views are not mixed
  at::Tensor shares = {};  ///< [N], in [0, 1]: what the first labels keep
};

struct LossInputs {
  at::Tensor student_logits = {};  ///< [N, C]
  at::Tensor teacher_logits = {};  ///< [N, C], no gradient flows into it
  at::Tensor labels = {};          ///< [N] int64
  /// [L] int64, which of the batch have labels, in mixed views both of them; undefined where all have.
  at::Tensor labelled = {};
  /// [N, C], what cross entropy looks at where that is not `student_logits`: a class token's beside a distillation
  /// token's.
  at::Tensor label_logits = {};
  MixedLabels mixed = {};         ///< looked at by cross entropy alone; other terms go by `labels`
  at::Tensor member_logits = {};  ///< [M, N, C] of the teacher's members, for terms that tell them apart
  int64_t epoch = 0;              ///< from 0, for warm-ups
  /// Of the taps that the loss named: maps [N, C, H, W], tokens [N, T, D] and vectors [N, C]. No gradient flows into
  /// the teacher's.
  Tensors student_features = {}, teacher_features = {};
  std::vector<Tensors> member_features = {};  ///< [M], for terms that look at each member's
  std::vector<int64_t> positions = {};        ///< [N], of the samples in the training set
};

/// One of the two networks, as a loss of features sees it before training.
struct LossNetwork {
  const Graph* graph = nullptr;
  Shape input;                                                        ///< [C, H, W] of its images
  std::function<at::Tensor(const std::string& name)> parameter = {};  ///< of the graph, by name
  /// Where there is no graph: taps whose pooled features are stored, and their lengths. Where none is named, the last
  /// one is looked at.
  std::vector<std::pair<std::string, int64_t>> stored = {};
};

/// What the parts of a loss of features are made from.
struct LossSetup {
  LossNetwork student, teacher;
  std::vector<LossNetwork> members = {};            ///< all the teacher's, for terms that look at each of them
  std::vector<int64_t> labels = {};                 ///< of all training samples, by position
  uint64_t seed = 0;                                ///< of initial parameters and of what is drawn
  at::TensorOptions options = at::TensorOptions();  ///< type and device of parameters and buffers
};

struct LossTerm;

/// A distillation loss: the sum of one or several terms, each with its weight.
class Loss {
 public:
  /// `spec`: terms such as `kd:temperature=4 + attention:weight=500:warmup=5`. Every term takes `weight`, whose default
  /// is the reference's, and `warmup`: epochs over which the weight grows to its full, by min((epoch + 1) / warmup, 1).
  /// Terms of features take `student_taps` and `teacher_taps`, names of Graph::tap with commas between them.
  /// `temperature` is that of all terms that take one and were not given their own. Throws a usage error.
  explicit Loss(const std::string& spec, std::optional<double> temperature = {});
  ~Loss();
  Loss(Loss&&) noexcept;
  Loss& operator=(Loss&&) noexcept;

  /// Names of the terms that look at features; connect() comes before their first call.
  std::vector<std::string> feature_terms() const;
  /// Whether a term asks for the pattern of the teacher's logits or probabilities whatever their scale, so that the
  /// student's probabilities mean nothing before they are calibrated.
  bool leaves_scale_open() const;
  /// Those of them that need more than vectors of pooled features.
  std::vector<std::string> map_terms() const;
  /// Whether a term looks at each member's features, not at one's.
  bool looks_at_members() const;
  /// Whether a term teaches samples without labels; the others leave them out.
  bool teaches_unlabelled() const;
  /// Finds taps and makes projections and buffers from the shapes of both networks. Throws a usage error where a
  /// network lacks a tap, listing those that it has, and where features do not suit a term.
  void connect(const LossSetup& setup);
  /// Keys to be filled for each call.
  const Tensors& student_taps() const { return student_taps_; }
  const Tensors& teacher_taps() const { return teacher_taps_; }
  const std::vector<Tensors>& member_taps() const { return member_taps_; }
  /// What is trained along with the student, and what else a checkpoint must keep. The tensors are the loss's own.
  const Tensors& parameters() const { return parameters_; }
  const Tensors& buffers() const { return buffers_; }

  /// A scalar that knows its gradient; may update buffers. Throws Error on logits or features that do not fit.
  at::Tensor operator()(const LossInputs& inputs);

 private:
  std::vector<LossTerm> terms_;
  Tensors student_taps_, teacher_taps_, parameters_, buffers_;
  std::vector<Tensors> member_taps_;
};

std::vector<ListedItem> list_losses();

/// -sum_c q_c log p_c with q = (1 - s) onehot + s / C (Szegedy et al. 2016, section 7); s = label_smoothing. Of mixed
/// views the mean of both labels' by their shares.
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing = 0,
                         const MixedLabels& mixed = {});

/// What a student minimises.
struct LossValue {
  at::Tensor total;    ///< knows its gradient
  at::Tensor distill;  ///< the distillation term before alpha weighs it, without gradient; undefined where alpha is 0
  at::Tensor label;    ///< the same of cross entropy; undefined where alpha is 1
  /// What `total` is the sum of, for optimizers that tell them apart; undefined where there is one term alone.
  at::Tensor distill_part = {}, label_part = {};
};
/// alpha * distill + (1 - alpha) * CE. alpha weighs the distillation term; other projects use it the other way round.
/// A term without weight is not computed. For samples without labels alpha is 1: their gradients come from `distill`
/// alone, undiminished, and cross entropy is that of the others, times their share.
LossValue distillation_objective(Loss& distill, double alpha, double label_smoothing, const LossInputs& inputs);

}  // namespace retort
