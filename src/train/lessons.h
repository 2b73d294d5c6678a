/// \file lessons.h
/// What a teacher says of each batch, asked once for all students of a pass.
#pragma once

#include <vector>

#include "retort/network.h"
#include "train/teacher.h"

namespace retort {

/// On the students' device; nothing writes to it.
struct Lesson {
  at::Tensor member_logits;  ///< [M, N, C]
  at::Tensor logits;         ///< [N, C]
  Taps features;             ///< of every tap that a student's loss names
};

class Lessons {
 public:
  Lessons(Teacher teacher, int64_t classes) : teacher_(std::move(teacher)), classes_(classes) {}

  const Teacher& teacher() const { return teacher_; }
  /// Names features that every lesson shall have.
  void want(const Taps& taps) { wanted_.insert(taps.begin(), taps.end()); }
  /// Of the pass's present batch; valid until the next call.
  const Lesson& give(const Batch& batch, const at::Device& device);

 private:
  Teacher teacher_;
  int64_t classes_;
  Taps wanted_;
  std::vector<float> member_logits_, logits_;
  Lesson lesson_;
};

}  // namespace retort
