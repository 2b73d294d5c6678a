/// \file cascade.h
/// A cascade as it runs: stage after stage, for the samples that are not settled yet.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "retort/ensemble.h"

namespace retort {

/// The highest probability of softmax(logits).
double confidence(std::span<const float> logits);

/// An answer of the first `members`, taken where its confidence reaches `threshold`.
struct CascadeStage {
  int64_t members = 0;
  std::unique_ptr<Combiner> answer;
  double threshold = 0;
};
/// The last stage has all members and takes what is left.
std::unique_ptr<Combiner> make_cascade(std::vector<CascadeStage> stages);

}  // namespace retort
