/// \file resample.h
/// The bootstrap over samples that all intervals share (Efron 1979).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "retort/metrics.h"

namespace retort {

/// The 2.5% and 97.5% quantiles of what a statistic was in all resamples, linear between neighbours.
Interval percentile_interval(std::vector<double> values);

/// One resample: calls `add` with the index of each of `samples` draws with replacement. Its stream is its own, so that
/// statistics which are computed apart are computed on the same draws.
template <class Add>
Rng resample(uint64_t seed, int number, size_t samples, Add add) {
  Rng rng = stream(seed, Purpose::bootstrap, static_cast<uint64_t>(number));
  for (size_t i = 0; i < samples; ++i) add(rng.below(samples));
  return rng;
}

}  // namespace retort
