#include "train/schedule.h"

namespace retort {

namespace {

// Garipov et al. 2018, section 4: with t(i) = (mod(i - 1, c) + 1) / c, i counted from 1, the rate goes linearly from
// `high` (alpha 1) to `low` (alpha 2) at t = 1/2 and back.
double triangle(int64_t i, int64_t c, double high, double low) {
  const double t = static_cast<double>(i % c + 1) / static_cast<double>(c);
  return t <= 0.5 ? (1 - 2 * t) * high + 2 * t * low : (2 - 2 * t) * low + (2 * t - 1) * high;
}

}  // namespace

Schedule fge_schedule(Settings& settings) {
  const int64_t cycle =
      settings.integer("cycle", 2, 2, 10'000, "epochs of a triangle, even; its half leaves a snapshot");
  const double start = settings.number("start", 0.75, 0, 1, "share of the epochs that the first cosine takes");
  const double high = settings.number("high", 0.5, 0, 1, "alpha 1, the highest rate of a triangle, as a share of --lr");
  const double low = settings.number("low", 0.005, 0, 1, "alpha 2, the lowest rate, as a share of --lr");
  if (cycle % 2 != 0) fail_usage("--schedule fge", "cycle is ", cycle, "; expected an even number of epochs");
  if (low > high) fail_usage("--schedule fge", "low is ", low, ", above high, which is ", high);
  const FirstPhase first{start, low};
  return {[=](int64_t step, const Length& l) {
            const int64_t begin = first.epochs(l.epochs) * l.steps_per_epoch;
            return step < begin ? first.share(step, l) : triangle(step - begin, cycle * l.steps_per_epoch, high, low);
          },
          [=](int64_t epochs) {
            std::set<int64_t> minima;
            for (int64_t e = first.epochs(epochs) + cycle / 2; e <= epochs; e += cycle) minima.insert(e);
            return at_least_two("fge", epochs, std::move(minima));
          }};
}

}  // namespace retort
