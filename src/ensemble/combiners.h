/// \file combiners.h
/// The makers that ensemble.def names, and what combiners share.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "retort/base.h"
#include "retort/ensemble.h"

namespace retort {

#define COMBINER(name, help) std::unique_ptr<Combiner> make_##name(Settings& settings);
#include "ensemble/ensemble.def"
#undef COMBINER

/// Writes sum_m weights[m] * logits[m], summed in double: [N, C].
void weighted_sum(const MemberLogits& in, std::span<const double> weights, float* out);

/// All members of `in` where they lie.
MemberLogits view_of(const Predictions& in);

/// Throws Error where `weights` are not one for each of `members`, at least 0 and 1 in sum.
void check_weights(std::string_view where, std::span<const double> weights, int64_t members);

/// Mean NLL on labelled predictions of the logits sum_m w_m z_m with w = softmax(theta).
class WeightedNll {
 public:
  /// `val` has been checked and outlives this.
  explicit WeightedNll(const Predictions& val) : val_(val) {}
  /// The value at theta; fills its gradient, one number a member.
  double operator()(std::span<const double> theta, std::span<double> gradient) const;

 private:
  const Predictions& val_;
};

}  // namespace retort
