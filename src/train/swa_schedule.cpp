#include "train/schedule.h"

namespace retort {

// Izmailov et al. 2018, algorithm 1, with a constant rate; the weights at the start are the first of those averaged.
Schedule swa_schedule(Settings& settings) {
  const double start = settings.number("start", 0.75, 0, 1, "share of the epochs that the cosine takes");
  const double rate = settings.number("rate", 0.5, 0, 1, "the constant rate, as a share of --lr");
  const int64_t every = settings.integer("every", 1, 1, 10'000, "epochs from one snapshot to the next");
  const FirstPhase first{start, rate};
  return {[=](int64_t step, const Length& l) {
            return step < first.epochs(l.epochs) * l.steps_per_epoch ? first.share(step, l) : rate;
          },
          [=](int64_t epochs) {
            std::set<int64_t> taken;
            const int64_t begin = first.epochs(epochs);
            for (int64_t e = begin > 0 ? begin : every; e <= epochs; e += every) taken.insert(e);
            return at_least_two("swa", epochs, std::move(taken));
          }};
}

}  // namespace retort
