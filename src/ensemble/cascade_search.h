/// \file cascade_search.h
/// Which thresholds serve a cascade best. Works on what its stages would answer, sample by sample.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace retort {

/// What one stage answers.
struct StageAnswers {
  double cost = 0;                 ///< of a sample that comes so far: of all members up to here
  std::vector<double> confidence;  ///< [N]
  std::vector<uint8_t> right;      ///< [N] 1 where the answer is the label
  std::vector<int64_t> surest;     ///< [N] positions, most confident first
};
/// Fills `surest`.
StageAnswers make_answers(double cost, std::vector<double> confidence, std::vector<uint8_t> right);

/// A threshold that no confidence reaches: the stage is passed over.
inline constexpr double kNever = std::numeric_limits<double>::infinity();

/// What thresholds lead to.
struct CascadeChoice {
  std::vector<double> thresholds;  ///< one for each stage but the last
  int64_t right = 0;               ///< samples
  double cost = 0;                 ///< sum over samples
};

/// Either the least cost with at least `min_right` samples right, or, where there is a budget, the most samples right
/// at a cost of at most that; sums over samples.
struct CascadeGoal {
  int64_t min_right = 0;
  std::optional<double> budget;

  bool reached(int64_t right, double cost) const { return budget ? cost <= *budget : right >= min_right; }
  bool better(int64_t right, double cost, const CascadeChoice& than) const {
    if (budget && right != than.right) return right > than.right;
    return cost < than.cost || (cost == than.cost && right > than.right);
  }
};

/// The best thresholds, or nothing where none reach the goal. That of the last but one stage is exact given those
/// before it, of which 256 combinations of quantiles are tried.
std::optional<CascadeChoice> choose_thresholds(std::span<const StageAnswers* const> stages, const CascadeGoal& goal);

}  // namespace retort
