/// \file decide.h
/// Whether a step is to run, and why.
#pragma once

#include "recipe/read.h"
#include "recipe/state.h"

namespace retort {

struct Decision {
  bool run = true;
  bool clean = false;  ///< what an earlier run of it left goes first
  std::string why;
};

/// `now`: the step's inputs; the hash of one that is yet to be made is empty. Throws a usage error where something else
/// is in the step's place. Changes nothing.
Decision decide(const RecipeStep& step, const std::optional<StepRecord>& record, const Inputs& now);

}  // namespace retort
