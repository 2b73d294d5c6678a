/// \file weighted.h
/// What the fit of `weighted` minimises.
#pragma once

#include <span>
#include <vector>

#include "retort/predictions.h"

namespace retort {

/// The mean NLL of the logits sum_m w_m z_m as a function of w: value, gradient [M] and Hessian [M, M].
struct WeightedNll {
  double value = 0;
  std::vector<double> gradient, hessian;
};
/// `val` has been checked; the same for every number of threads.
WeightedNll weighted_nll(const Predictions& val, std::span<const double> w, int threads);

}  // namespace retort
