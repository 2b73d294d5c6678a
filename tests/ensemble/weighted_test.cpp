#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "ensemble/combiners.h"
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

double nll_at(const Predictions& p, const std::vector<double>& theta) {
  std::vector<double> gradient(theta.size());
  return WeightedNll(p)(theta, gradient);
}

// Of weights, by way of combining.
double nll_of(const Predictions& p, const std::vector<double>& weights) {
  const auto combiner = make_combiner("weighted");
  combiner->set_weights(weights);
  std::vector<double> theta;
  for (double w : combiner->weights()) theta.push_back(std::log(std::max(w, 1e-300)));
  return nll_at(p, theta);
}

TEST(WeightedNll, GradientAgreesWithFiniteDifferences) {
  const Predictions p = noisy({1, 2, 0.5}, 50, 1);
  const WeightedNll nll(p);
  for (const std::vector<double>& theta : {std::vector<double>{0, 0, 0}, {0.3, -1.2, 0.7}, {3, 0, -2}}) {
    std::vector<double> gradient(3), ignored(3);
    nll(theta, gradient);
    for (size_t m = 0; m < 3; ++m) {
      constexpr double kStep = 1e-5;
      std::vector<double> up = theta, down = theta;
      up[m] += kStep, down[m] -= kStep;
      EXPECT_NEAR(gradient[m], (nll(up, ignored) - nll(down, ignored)) / (2 * kStep), 1e-8);
    }
  }
}

TEST(Weighted, IsUniformBeforeAFit) {
  const Predictions p = noisy({1, 2, 0.5}, 20, 2);
  const auto weighted = make_combiner("weighted");
  EXPECT_TRUE(weighted->weights().empty());
  EXPECT_EQ(combine(*weighted, p, "w").logits, combine(*make_combiner("mean_logits"), p, "m").logits);
}

TEST(Weighted, IsNotWorseOnValThanUniformOrAnyMember) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    // From members alike, over useless ones, to overconfident ones whose best weight is 0.
    const double spread = static_cast<double>(seed % 4);
    const Predictions p = noisy({2 - spread / 2, 2, 2 + spread, 0.1 * spread}, 120, seed, seed % 3 == 0 ? 6 : 1);
    const std::vector<double> weights = fit_combiner("weighted", p)->weights();
    ASSERT_EQ(weights.size(), 4u);
    double sum = 0;
    for (double w : weights) {
      EXPECT_GE(w, 0);
      sum += w;
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    const double fitted = nll_of(p, weights);
    EXPECT_LE(fitted, nll_at(p, {0, 0, 0, 0}) + 1e-12) << seed;
    for (size_t m = 0; m < 4; ++m) {
      std::vector<double> alone(4, 0);
      alone[m] = 1;
      EXPECT_LE(fitted, nll_of(p, alone) + 1e-9) << "seed " << seed << ", member " << m;
    }
  }
}

TEST(Weighted, FindsAKnownOptimum) {
  // Member a gives log-odds 2 for class 0, member b none; 3 of 4 labels are 0, so the best log-odds are log 3 and the
  // best weight of a is log(3) / 2.
  Predictions p{
      {"a", "b"}, 4, 2, "val", "", {1, 2, 3, 4}, {0, 0, 0, 1}, {2, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
  const std::vector<double> weights = fit_combiner("weighted", p)->weights();
  EXPECT_NEAR(weights[0], std::log(3) / 2, 1e-7);
  EXPECT_NEAR(weights[1], 1 - std::log(3) / 2, 1e-7);
  EXPECT_EQ(fit_combiner("weighted", p)->weights(), weights);  // deterministic
}

TEST(Weighted, LeavesOutAMemberThatHarms) {
  const Predictions p = noisy({3, -3}, 200, 3);
  const std::vector<double> weights = fit_combiner("weighted", p)->weights();
  EXPECT_GT(weights[0], 0.999);
}

TEST(Weighted, SurvivesExtremeLogits) {
  Predictions p = noisy({1, 2}, 50, 4);
  for (float& z : p.logits) z *= 1e6f;
  const std::vector<double> weights = fit_combiner("weighted", p)->weights();
  EXPECT_NEAR(weights[0] + weights[1], 1, 1e-9);
  combine(*fit_combiner("weighted", p), p, "w").check();
}

TEST(Weighted, RefusesBadWeights) {
  const auto set = [](std::vector<double> weights) { make_combiner("weighted")->set_weights(std::move(weights)); };
  set({0.25, 0.75});
  expect_error([&] { set({0.5, 0.6}); }, {"sum to 1.1"});
  expect_error([&] { set({-0.5, 1.5}); }, {"weight -0.5"});
  expect_error([&] { set({NAN, 1}); }, {"weight nan"});
  expect_error([&] { set({}); }, {"sum to 0"});
  const auto two = make_combiner("weighted");
  two->set_weights({0.5, 0.5});
  expect_error([&] { combine(*two, noisy({1, 2, 3}, 5, 1), "w"); }, {"3 members", "fitted on 2"});
}

}  // namespace
}  // namespace retort
