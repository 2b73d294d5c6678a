#include "train/lessons.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>

namespace retort {

void Lessons::want(const Taps& taps, const std::vector<Taps>& member_taps) {
  wanted_.insert(taps.begin(), taps.end());
  member_wanted_.resize(std::max(member_wanted_.size(), member_taps.size()));
  for (size_t m = 0; m < member_taps.size(); ++m)
    member_wanted_[m].insert(member_taps[m].begin(), member_taps[m].end());
}

const Lesson& Lessons::give(const Batch& batch, const at::Device& device) {
  const auto members = std::ssize(teacher_.members);
  logits_.resize(static_cast<size_t>(batch.size * classes_));
  member_logits_.resize(static_cast<size_t>(members) * logits_.size());
  lesson_.features = wanted_;
  lesson_.member_features = member_wanted_;
  teacher_.answer(batch, {member_logits_, logits_, lesson_.features, lesson_.member_features});
  lesson_.member_logits = at::from_blob(member_logits_.data(), {members, batch.size, classes_}).to(device);
  lesson_.logits = at::from_blob(logits_.data(), {batch.size, classes_}).to(device);
  for (auto& [tap, features] : lesson_.features) features = features.to(device);  // stored ones are on the CPU
  return lesson_;
}

}  // namespace retort
