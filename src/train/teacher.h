/// \file teacher.h
/// Where students' teacher logits come from: a store of soft labels, or a model that runs beside them.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "retort/train.h"
#include "train/views.h"

namespace retort {

class TeacherFeatures;

struct Teacher {
  /// Writes the members' logits of the views' present batch, [M, N, C], and what they are combined to, [N, C].
  std::function<void(const Batch& batch, std::span<float> members, std::span<float> out)> logits;
  std::vector<LabelsInfo::Teacher> members;
  std::shared_ptr<TeacherFeatures> features;  ///< null where the loss does not look at features
  double label_core_seconds = 0;              ///< what writing the store cost; 0 for a live teacher
};

/// Makes the store's augmentation, view seed and views those of the training. `views` below the store's own use the
/// first ones. Throws a usage error on more views than the store has.
void adopt_store(TrainOptions& options, const LabelsInfo& store);

/// The teacher of `options.distill`. A live one sees the views that the students see, each network through its own
/// preprocessing; `views` outlive it. `features`: a loss looks at its features. Throws Error where a store was not made
/// from these samples, or from this teacher, or where a live teacher does not fit the data. `store` is that of
/// `distill->labels`, or null.
Teacher make_teacher(const TrainOptions& options, const std::shared_ptr<const Labels>& store, const DataSet& data,
                     Views& views, bool features);

}  // namespace retort
