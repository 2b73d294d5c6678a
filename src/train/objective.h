/// \file objective.h
/// What is minimised, and the sums of it that an epoch reports.
#pragma once

#include <optional>
#include <vector>

#include "retort/losses.h"
#include "retort/network.h"
#include "train/lessons.h"

namespace retort {

/// The loss of a batch: cross entropy, or that and distillation.
class Objective {
 public:
  explicit Objective(const TrainOptions& options);
  /// Where the loss looks at features, finds its taps and makes what it has of its own. Returns parameters().
  /// `size`: of the student's images.
  std::vector<NamedTensor> connect(const TrainOptions& options, const Network& student, const ImageShape& size,
                                   const Samples& samples, const Teacher& teacher);
  /// The taps that the loss looks at, as keys.
  Taps taps() const;
  Taps teacher_taps() const { return loss_ ? loss_->teacher_taps() : Taps(); }
  std::vector<Taps> member_taps() const { return loss_ ? loss_->member_taps() : std::vector<Taps>(); }
  /// `taps` as the student filled them; `lesson` is null where nothing is distilled, and then so is that term.
  LossValue operator()(const at::Tensor& logits, Taps taps, const Batch& batch, int64_t epoch, const Lesson* lesson);
  /// What the loss trains along with the student, and what else of it a checkpoint keeps.
  std::vector<NamedTensor> parameters() const;
  std::vector<NamedTensor> buffers() const;

 private:
  double label_smoothing_, alpha_ = 0;
  std::optional<Loss> loss_;
  std::string head_, distill_head_;  ///< taps of two classifiers that each have their own term; empty: one has both
};

/// Sums of an epoch's losses.
struct LossSums {
  double total = 0, distill = 0, label = 0;
};

/// Adds losses up in double precision. They are read from the device in groups, so that it is not kept waiting; on the
/// CPU a group is one step.
class LossMeter {
 public:
  explicit LossMeter(bool on_cpu) : group_(on_cpu ? 1 : 32) {}
  void add(int64_t step, const LossValue& value);
  /// Reads what is pending where a group is full, or `all`. Gives the first loss that is not finite, and its step.
  struct Bad {
    int64_t step;
    double value;
  };
  std::optional<Bad> read(LossSums& sums, bool all = false);

 private:
  struct Pending {
    int64_t step;
    at::Tensor total, distill, label;
  };
  size_t group_;
  std::vector<Pending> pending_;
};

}  // namespace retort
