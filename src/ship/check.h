/// \file check.h
/// Whether an exported file answers as its original does.
#pragma once

#include "retort/model.h"

namespace retort {

/// The combined answers of the model, one a sample. Throws Error, also where the monitor stops it.
Predictions answers(Model& model, const Samples& samples, const Monitor& monitor);

/// How one member's answers of both differ on the same samples: their logits, or their probabilities.
struct Difference {
  double largest = 0;
  int64_t changed = 0;  ///< samples whose highest class is another one
};
Difference difference(const Predictions& original, const Predictions& exported, bool probabilities);

/// Returns the largest difference. Throws Error, opened by `where`, beyond 1e-3 and where the highest class of a sample
/// is another one.
double check_same_answers(const std::string& where, const Predictions& original, const Predictions& exported,
                          bool probabilities);

}  // namespace retort
