/// \file teacher.h
/// Where students' teacher logits and features come from: a store of soft labels, or a model that runs beside them.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "retort/losses.h"
#include "retort/network.h"
#include "retort/train.h"
#include "train/views.h"

namespace retort {

/// What a teacher is asked of a batch. Features are without gradients, at the taps that are there as keys.
struct TeacherAnswer {
  std::span<float> members;            ///< logits [M, N, C]
  std::span<float> combined;           ///< what they are combined to, [N, C]
  Taps& features;                      ///< of the network that the losses look at
  std::vector<Taps>& member_features;  ///< of each member, or empty
};

struct Teacher {
  /// Fills in the answer to the views' present batch.
  std::function<void(const Batch& batch, const TeacherAnswer& answer)> answer;
  std::vector<LabelsInfo::Teacher> members;
  LossNetwork looked_at;              ///< whose features losses see, where they do; without a graph where it is stored
  std::vector<LossNetwork> networks;  ///< all members', where losses look at each
  double label_core_seconds = 0;      ///< what writing the store cost; 0 for a live teacher
};

/// What the losses of a pass look at.
struct LooksOfLosses {
  bool features = false;  ///< one network's features
  bool maps = false;      ///< and at more than pooled ones
  bool members = false;   ///< every member's features
};
LooksOfLosses looks_of(const DistillOptions& options);

/// Makes the store's augmentation, view seed and views those of the training. `views` below the store's own use the
/// first ones. Throws a usage error on more views than the store has.
void adopt_store(TrainOptions& options, const LabelsInfo& store);

/// The teacher of `options.distill`. A live one sees the views that the students see, each network through its own
/// preprocessing, and runs once a batch; `views` outlive it. Features come from the store where it has those that
/// `looks` ask for. Throws Error where a store was not made from these samples, or from this teacher, or where a live
/// teacher does not fit the data. Tells the monitor of a teacher that is no better than chance. `store` is that of
/// `distill->labels`, or null.
Teacher make_teacher(const TrainOptions& options, const std::shared_ptr<const Labels>& store, const DataSet& data,
                     Views& views, const LooksOfLosses& looks, const Monitor& monitor);

}  // namespace retort
