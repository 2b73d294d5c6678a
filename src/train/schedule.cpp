#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace retort {

double Schedule::at(int64_t step) const {
  constexpr double kFirst = 0.01;
  if (step < warmup_steps) {
    return peak * (kFirst + (1 - kFirst) * static_cast<double>(step) / static_cast<double>(warmup_steps));
  }
  const auto length = static_cast<double>(std::max<int64_t>(total_steps - warmup_steps, 1));
  const double done = std::min(1.0, static_cast<double>(step - warmup_steps) / length);
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace retort
