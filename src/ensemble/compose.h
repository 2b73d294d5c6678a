/// \file compose.h
/// Combiners made of combiners.
#pragma once

#include <memory>
#include <vector>

#include "retort/ensemble.h"

namespace retort {

/// Combines, then calibrates.
std::unique_ptr<Combiner> calibrated(std::unique_ptr<Combiner> combiner, std::unique_ptr<Combiner> calibration);

/// A member of an ensemble that may be an ensemble itself: so many networks, and how they make one answer.
struct NestedMember {
  int64_t networks = 1;
  std::unique_ptr<Combiner> combiner;  ///< null: the one network's logits as they are
};
/// Works on the networks of all members side by side: makes one answer of each member's, then `outer` of those.
std::unique_ptr<Combiner> nested(std::vector<NestedMember> members, std::unique_ptr<Combiner> outer);

}  // namespace retort
