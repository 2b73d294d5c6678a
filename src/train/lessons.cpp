#include "train/lessons.h"

#include <ATen/ops/from_blob.h>

#include "train/teacher_features.h"

namespace retort {

const Lesson& Lessons::give(const Batch& batch, const at::Device& device) {
  const auto members = std::ssize(teacher_.members);
  logits_.resize(static_cast<size_t>(batch.size * classes_));
  member_logits_.resize(static_cast<size_t>(members) * logits_.size());
  teacher_.logits(batch, member_logits_, logits_);
  lesson_.member_logits = at::from_blob(member_logits_.data(), {members, batch.size, classes_}).to(device);
  lesson_.logits = at::from_blob(logits_.data(), {batch.size, classes_}).to(device);
  lesson_.features = wanted_;
  if (teacher_.features && !wanted_.empty()) teacher_.features->fill(lesson_.features);
  return lesson_;
}

}  // namespace retort
