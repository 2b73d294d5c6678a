#include "ensemble/weighted.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "retort/ensemble.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Members that know the label to different degrees: logits are strength * onehot + noise.
Predictions noisy(const std::vector<double>& strengths, int64_t samples, uint64_t seed, double noise = 1) {
  Rng rng{seed};
  Predictions p{{}, samples, 4, "val", "", {}, {}, {}};
  for (int64_t i = 0; i < samples; ++i) {
    p.ids.push_back(static_cast<uint64_t>(i));
    p.labels.push_back(static_cast<int64_t>(rng.below(4)));
  }
  for (double strength : strengths) {
    p.members.push_back(str("member of strength ", strength));
    for (int64_t label : p.labels) {
      for (int64_t c = 0; c < 4; ++c) {
        p.logits.push_back(static_cast<float>((c == label ? strength : 0) + noise * rng.normal()));
      }
    }
  }
  return p;
}

std::vector<double> fitted_weights(const Predictions& p) {
  return fit_combiner("weighted", p)->fitted().at("weights").values;
}

TEST(WeightedNll, DerivativesAgreeWithFiniteDifferences) {
  const Predictions p = noisy({1, 2, 0.5}, 50, 1);
  for (const std::vector<double>& w : {std::vector<double>{0.3, 0.3, 0.4}, {1, 0, 0}, {0.7, -0.2, 0.5}}) {
    const WeightedNll at = weighted_nll(p, w, 1);
    for (size_t m = 0; m < 3; ++m) {
      constexpr double kStep = 1e-5;
      std::vector<double> up = w, down = w;
      up[m] += kStep, down[m] -= kStep;
      const WeightedNll above = weighted_nll(p, up, 1), below = weighted_nll(p, down, 1);
      EXPECT_NEAR(at.gradient[m], (above.value - below.value) / (2 * kStep), 1e-8);
      for (size_t k = 0; k < 3; ++k) {
        EXPECT_NEAR(at.hessian[m * 3 + k], (above.gradient[k] - below.gradient[k]) / (2 * kStep), 1e-8);
      }
    }
  }
}

TEST(Weighted, IsUniformBeforeAFit) {
  const Predictions p = noisy({1, 2, 0.5}, 20, 2);
  const auto weighted = make_combiner("weighted");
  EXPECT_TRUE(weighted->fitted().empty());
  EXPECT_EQ(combine(*weighted, p, "w").logits, combine(*make_combiner("mean_logits"), p, "m").logits);
}

TEST(Weighted, IsAtTheOptimum) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    // From members alike, over useless ones, to overconfident ones whose best weight is 0.
    const double spread = static_cast<double>(seed % 4);
    const Predictions p = noisy({2 - spread / 2, 2, 2 + spread, 0.1 * spread}, 120, seed, seed % 3 == 0 ? 6 : 1);
    const std::vector<double> weights = fitted_weights(p);
    ASSERT_EQ(weights.size(), 4u);
    const WeightedNll at = weighted_nll(p, weights, 1);
    double sum = 0, mean = 0;
    for (size_t m = 0; m < 4; ++m) {
      EXPECT_GE(weights[m], 0);
      sum += weights[m], mean += weights[m] * at.gradient[m];
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    for (size_t m = 0; m < 4; ++m) {  // Karush, Kuhn and Tucker's conditions
      EXPECT_GE(at.gradient[m], mean - 1e-7) << seed;
      if (weights[m] > 0) {
        EXPECT_NEAR(at.gradient[m], mean, 1e-7) << seed;
      }
    }
  }
}

TEST(Weighted, FindsAKnownOptimum) {
  // Member a gives log-odds 2 for class 0, member b none; 3 of 4 labels are 0, so the best log-odds are log 3 and the
  // best weight of a is log(3) / 2.
  Predictions p{
      {"a", "b"}, 4, 2, "val", "", {1, 2, 3, 4}, {0, 0, 0, 1}, {2, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
  const std::vector<double> weights = fitted_weights(p);
  EXPECT_NEAR(weights[0], std::log(3) / 2, 1e-7);
  EXPECT_NEAR(weights[1], 1 - std::log(3) / 2, 1e-7);
  EXPECT_EQ(fitted_weights(p), weights);  // deterministic
}

TEST(Weighted, LeavesOutAMemberThatHarms) {
  const Predictions p = noisy({3, -3}, 200, 3);
  const std::vector<double> weights = fitted_weights(p);
  EXPECT_EQ(weights, (std::vector<double>{1, 0}));  // exactly: it can leave the ensemble
}

TEST(Weighted, SurvivesExtremeLogits) {
  Predictions p = noisy({1, 2}, 50, 4);
  for (float& z : p.logits) z *= 1e6f;
  const std::vector<double> weights = fitted_weights(p);
  EXPECT_NEAR(weights[0] + weights[1], 1, 1e-9);
  combine(*fit_combiner("weighted", p), p, "w").check();
}

TEST(Weighted, RefusesBadWeights) {
  const auto set = [](const std::vector<double>& weights) {
    make_combiner("weighted")->set_fitted({{"weights", {{std::ssize(weights)}, weights}}}, std::ssize(weights));
  };
  set({0.25, 0.75});
  expect_error([&] { set({0.5, 0.6}); }, {"sum to 1.1"});
  expect_error([&] { set({-0.5, 1.5}); }, {"weight -0.5"});
  expect_error([&] { set({NAN, 1}); }, {"weight nan"});
  expect_error([&] { set({}); }, {"sum to 0"});
}

}  // namespace
}  // namespace retort
