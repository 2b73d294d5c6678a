#include <algorithm>

#include "train/schedule.h"

namespace retort {

// Huang et al. 2017, equation 2: lr(t) = lr / 2 * (cos(pi * mod(t - 1, T / M) / (T / M)) + 1), t counted from 1. The
// first cycle begins where the warm-up ends.
Schedule cyclic_schedule(Settings& settings) {
  const int64_t cycles = settings.integer("cycles", 5, 2, 10'000, "M, snapshots; the epochs are a multiple of it");
  return {[cycles](int64_t step, const Length& l) {
            const int64_t cycle = l.steps() / cycles, begin = step / cycle * cycle;
            return half_cosine(step, std::max(begin, l.warmup_steps), begin + cycle);
          },
          [cycles](int64_t epochs) {
            if (epochs % cycles != 0) {
              fail_usage("--schedule cyclic", "--epochs ", epochs, " cannot be cut into ", cycles,
                         " equal cycles of whole epochs; give a multiple of ", cycles, ", or other cycles=M");
            }
            std::set<int64_t> ends;
            for (int64_t m = 1; m <= cycles; ++m) ends.insert(m * epochs / cycles);
            return ends;
          }};
}

}  // namespace retort
