#include "train/schedule.h"

namespace retort {

Schedule cosine_schedule(Settings& /*settings*/) {
  return {[](int64_t step, const Length& l) { return half_cosine(step, l.warmup_steps, l.steps()); }, {}};
}

}  // namespace retort
