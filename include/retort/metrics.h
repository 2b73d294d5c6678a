/// \file metrics.h
/// How good predictions are, and how sure one can be of it. Logits are [N, C] row-major, labels [N].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "retort/predictions.h"

namespace retort {

struct Interval {
  double low = 0, high = 0;
};

/// Quality of one set of logits. Throws Error on empty input or labels out of range.
struct Metrics {
  int64_t samples = 0;
  double accuracy = 0;         ///< share of samples whose highest logit is the label's (lowest index on ties)
  Interval accuracy_interval;  ///< 95%, bootstrap over samples
  double nll = 0;              ///< mean of -log p(label), natural logarithm
  double brier = 0;            ///< mean of sum_c (p_c - y_c)^2 (Brier 1950)
  double ece = 0;              ///< expected calibration error, 15 equal-width bins (Guo et al. 2017, eq. 3)
};
Metrics evaluate(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes, uint64_t seed = 0);
/// Of one member of `predictions`.
Metrics evaluate(const Predictions& predictions, int64_t member = 0);

/// 1 where the prediction is right, else 0, [N].
std::vector<uint8_t> correct(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes);

/// A 95% percentile bootstrap interval of the mean of `values` over samples.
Interval bootstrap_mean(std::span<const double> values, uint64_t seed = 0, int resamples = 2000);

/// Difference of accuracy b - a on the same samples, with a paired 95% bootstrap interval.
struct Change {
  double value = 0;
  Interval interval;
};
Change accuracy_change(std::span<const uint8_t> correct_a, std::span<const uint8_t> correct_b, uint64_t seed = 0);

/// Difference of mean accuracy, b - a, between two groups of runs that differ in their seed only, all on the same
/// samples: [run][sample] as correct() gives them. Its 95% interval counts both which samples were drawn and which
/// seeds (bootstrap over samples, alike for all runs, and over the runs of each group); from a group of one run nothing
/// is learnt about seeds. Throws Error on empty groups and on runs of different lengths.
Change seeds_change(std::span<const std::vector<uint8_t>> a, std::span<const std::vector<uint8_t>> b,
                    uint64_t seed = 0);

/// Mean and sample standard deviation (n - 1); sd is 0 for one value.
struct MeanSd {
  double mean = 0, sd = 0;
};
MeanSd mean_sd(std::span<const double> values);

}  // namespace retort
