/// \file live_teacher.h
/// A teacher that runs beside the students.
#pragma once

#include "retort/model.h"
#include "train/teacher.h"

namespace retort {

class LiveTeacher {
 public:
  /// `ref`: a teacher, or one network of it. It sees `views`, each network through its own preprocessing.
  LiveTeacher(const std::string& ref, const TrainOptions& options, const DataSet& data, Views& views);

  Model& model() { return model_; }
  std::vector<LabelsInfo::Teacher> members() const;
  /// A member as losses see it; valid as long as this lives.
  LossNetwork network(int64_t member);
  /// Runs each network once. `looked_at` is the member that gives `answer.features`. Without `logits` those networks
  /// alone run that features are asked of.
  void answer(const Batch& batch, const TeacherAnswer& answer, int64_t looked_at, bool logits);

 private:
  void all_logits(const Batch& batch, std::span<float> members);
  void run(int64_t member, Taps& taps, float* logits);

  Model model_;
  const Views& views_;
  std::vector<size_t> places_;         ///< of each of the model's inputs
  std::vector<size_t> member_places_;  ///< of each member
};

}  // namespace retort
