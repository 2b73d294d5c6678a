/// \file check.h
/// Whether an exported file answers as its original does.
#pragma once

#include "retort/data.h"
#include "retort/predictions.h"

namespace retort {

/// The combined answers of the model in `path`, one a sample. Throws Error, also where the monitor stops it.
Predictions answers(const std::string& path, const Samples& samples, const Monitor& monitor);

/// Compares one member's answers of both on the same samples: their logits, or their probabilities. Returns the largest
/// difference. Throws Error, opened by `where`, beyond 1e-3 and where the highest class of a sample is another one.
double check_same_answers(const std::string& where, const Predictions& original, const Predictions& exported,
                          bool probabilities);

}  // namespace retort
