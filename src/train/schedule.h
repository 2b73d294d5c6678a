/// \file schedule.h
/// The learning rate, a pure function of the step.
#pragma once

#include <cstdint>

namespace retort {

/// Linear warm-up from peak / 100 to peak, then half a cosine to 0 (Loshchilov and Hutter 2017, without restarts).
struct Schedule {
  double peak = 0;
  int64_t warmup_steps = 0, total_steps = 0;
  double at(int64_t step) const;
};

}  // namespace retort
