/// \file lessons.h
/// What a teacher says of each batch, asked once for all students of a pass.
#pragma once

#include <vector>

#include "retort/network.h"
#include "train/teacher.h"

namespace retort {

/// On the students' device; nothing writes to it.
struct Lesson {
  at::Tensor member_logits;           ///< [M, N, C]
  at::Tensor logits;                  ///< [N, C]
  Taps features;                      ///< of every tap that a student's loss names
  std::vector<Taps> member_features;  ///< the same of each member, where a loss looks at each
};

class Lessons {
 public:
  Lessons(Teacher teacher, int64_t classes) : teacher_(std::move(teacher)), classes_(classes) {}

  const Teacher& teacher() const { return teacher_; }
  /// Names features that every lesson shall have, of the network that losses look at and of each member.
  void want(const Taps& taps, const std::vector<Taps>& member_taps);
  /// Of the pass's present batch; valid until the next call.
  const Lesson& give(const Batch& batch, const at::Device& device);

 private:
  Teacher teacher_;
  int64_t classes_;
  Taps wanted_;
  std::vector<Taps> member_wanted_;
  std::vector<float> member_logits_, logits_;
  Lesson lesson_;
};

}  // namespace retort
