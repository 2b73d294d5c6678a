// How often the intervals of evaluate() hold the truth, which is known of samples that are drawn.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "retort/metrics.h"

namespace retort {
namespace {

// Of two classes; confidence is uniform in [0.6, 0.9], the share that is right is lower by `excess`.
struct Drawn {
  std::vector<float> logits;
  std::vector<int64_t> labels;
};

Drawn draw(int64_t samples, double excess, uint64_t trial) {
  Drawn out;
  Rng rng{7, trial};
  for (int64_t i = 0; i < samples; ++i) {
    const double confidence = 0.6 + 0.3 * rng.uniform();
    out.logits.insert(out.logits.end(), {static_cast<float>(std::log(confidence / (1 - confidence))), 0.0f});
    out.labels.push_back(rng.uniform() < confidence - excess ? 0 : 1);
  }
  return out;
}

bool holds(const Interval& interval, double value) { return interval.low <= value && value <= interval.high; }

// The means of nll and brier over confidence, by integration.
Metrics truth_of(double excess) {
  constexpr int kSteps = 30000;
  Metrics truth;
  for (int i = 0; i < kSteps; ++i) {
    const double confidence = 0.6 + 0.3 * (i + 0.5) / kSteps, right = confidence - excess;
    truth.accuracy += right / kSteps;
    truth.nll -= (right * std::log(confidence) + (1 - right) * std::log(1 - confidence)) / kSteps;
    truth.brier += 2 * (right * std::pow(1 - confidence, 2) + (1 - right) * std::pow(confidence, 2)) / kSteps;
  }
  return truth;
}

TEST(Intervals, HoldTheTruthAboutAsOftenAsTheySay) {
  constexpr int kTrials = 150;
  constexpr double kExcess = 0.1;
  const Metrics truth = truth_of(kExcess);
  int accuracy = 0, nll = 0, brier = 0;
  for (uint64_t trial = 0; trial < kTrials; ++trial) {
    const Drawn drawn = draw(250, kExcess, trial);
    const Metrics m = evaluate(drawn.logits, drawn.labels, 2);
    accuracy += holds(m.accuracy_interval, truth.accuracy);
    nll += holds(m.nll_interval, truth.nll);
    brier += holds(m.brier_interval, truth.brier);
  }
  for (const int held : {accuracy, nll, brier}) {
    EXPECT_GE(held, kTrials * 0.90);
    EXPECT_LE(held, kTrials * 0.985);
  }
}

TEST(Intervals, AreTheSameDrawsAsThoseOfTheMean) {
  const Drawn drawn = draw(100, 0.1, 1);
  const Metrics m = evaluate(drawn.logits, drawn.labels, 2, 5);
  const Interval apart = bootstrap_mean(nll(drawn.logits, drawn.labels, 2), 5);
  EXPECT_NEAR(m.nll_interval.low, apart.low, 1e-12);
  EXPECT_NEAR(m.nll_interval.high, apart.high, 1e-12);
}

}  // namespace
}  // namespace retort
