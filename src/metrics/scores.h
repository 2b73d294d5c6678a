/// \file scores.h
/// What single samples say of a set of logits; all metrics are made of these.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "retort/metrics.h"

namespace retort {

/// One sample. 32 bytes, so that a resample of many stays in the caches.
struct Score {
  double nll = 0, brier = 0;
  double gap = 0;    ///< (1 where right, else 0) minus confidence
  int32_t rank = 0;  ///< classes that stand before the label's; 0 is right
  int32_t bin = 0;   ///< of confidence, for calibration
};

/// Throws Error on bad input.
std::vector<Score> scores(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes);

/// Sums of scores, and the metrics that they make.
class ScoreSums {
 public:
  static constexpr int kBins = 15;
  void add(const Score& score) {
    ++samples_;
    right_ += score.rank == 0;
    top5_ += score.rank < 5;
    nll_ += score.nll;
    brier_ += score.brier;
    gaps_[static_cast<size_t>(score.bin)] += score.gap;
  }
  /// Without intervals.
  Metrics metrics() const;

 private:
  int64_t samples_ = 0, right_ = 0, top5_ = 0;
  double nll_ = 0, brier_ = 0;
  std::array<double, kBins> gaps_{};
};

/// Of all of them, without intervals.
Metrics metrics_of(std::span<const Score> all);

}  // namespace retort
