// Fits against SciPy and scikit-learn: tools/ensemble_golden.py.
#include "support/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/softmax.h"
#include "ensemble/linear.h"
#include "ensemble/weighted.h"
#include "retort/ensemble.h"

namespace retort {
namespace {

using Matrix = std::vector<std::vector<double>>;

Predictions golden_predictions() {
  constexpr int64_t kSamples = 300, kClasses = 4;
  Predictions p{{"a", "b", "c"}, kSamples, kClasses, "val", "", {}, {}, {}};
  for (const double u : test::unit("ensemble_labels", kSamples)) {
    p.ids.push_back(p.labels.size());
    p.labels.push_back(static_cast<int64_t>(std::floor(2 * (u + 1))));
  }
  for (const double u : test::unit("ensemble_logits", 3 * kSamples * kClasses)) {
    const size_t at = p.logits.size(), sample = at / kClasses % kSamples;
    const double strength = std::vector<double>{1.5, 1.0, 0.4}[at / (kSamples * kClasses)];
    const bool own = static_cast<int64_t>(at % kClasses) == p.labels[sample];
    p.logits.push_back(static_cast<float>(3 * u + (own ? strength : 0)));
  }
  return p;
}

const Json& golden() {
  static const Json json = test::read_golden("ensemble.json");
  return json;
}

// The first samples' probabilities.
void expect_near(const Combiner& fitted, const Predictions& in, const Matrix& expected, bool logs) {
  const Predictions out = combine(fitted, in, "e");
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::vector<double> p = softmax(std::span<const float>(out.logits).subspan(i * 4, 4));
    for (size_t c = 0; c < 4; ++c) EXPECT_NEAR(logs ? std::log(p[c]) : p[c], expected[i][c], 2e-4) << i;
  }
}

TEST(EnsembleGolden, Weighted) {
  const Predictions p = golden_predictions();
  const std::vector<double> w = fit_combiner("weighted", p)->fitted().at("weights").values;
  for (size_t m = 0; m < 3; ++m) EXPECT_NEAR(w[m], golden()["weighted"]["weights"][m].get<double>(), 1e-5);
  EXPECT_NEAR(weighted_nll(p, w, 1).value, golden()["weighted"]["nll"].get<double>(), 1e-9);
}

TEST(EnsembleGolden, Temperatures) {
  const Predictions p = golden_predictions();
  const std::vector<double> t = fit_combiner("tempered", p)->fitted().at("temperatures").values;
  for (size_t m = 0; m < 3; ++m) {
    const double expected = golden()["temperatures"][m].get<double>();
    EXPECT_NEAR(t[m], expected, 1e-6);
    const auto alone = fit_calibration("temperature", p.only(static_cast<int64_t>(m)));
    EXPECT_NEAR(alone->fitted().at("temperatures").values[0], expected, 1e-6);
  }
}

TEST(EnsembleGolden, LinearHeads) {
  const Predictions p = golden_predictions();
  for (const std::string name : {"class_weighted", "stacking"}) {
    expect_near(*fit_combiner(name + ":l2=1", p), p, golden()[name]["log_probabilities"].get<Matrix>(), true);
  }
  for (const std::string name : {"vector_scaling", "dirichlet"}) {
    const Predictions one = p.only(0);
    expect_near(*fit_calibration(name + ":l2=1", one), one, golden()[name]["log_probabilities"].get<Matrix>(), true);
  }
}

TEST(EnsembleGolden, LogisticRegression) {
  const Predictions p = golden_predictions();
  LinearHead zero{{3, 4, true}, {}};
  zero.theta.resize(zero.layout.size());
  LinearProblem problem{p, log_sums(view_of(p), 1), {}, zero, true, std::vector<double>(zero.theta.size(), 1), 2};
  std::fill_n(problem.l2.end() - 4, 4, 0);  // biases are free there
  for (size_t m = 0; m < 3; ++m) {
    double sum = 0;
    const std::span<const float> logits = p.member(static_cast<int64_t>(m));
    for (size_t k = 0; k < logits.size(); ++k) sum += logits[k] - problem.log_sums[m * 300 + k / 4];
    problem.centres.push_back(sum / static_cast<double>(logits.size()));
  }
  std::vector<int64_t> samples(300);
  std::iota(samples.begin(), samples.end(), 0);
  const std::vector<double> theta = problem.minimise(samples, zero.theta, 1e-12);
  const auto coefficients = golden()["logistic_regression"]["coefficients"].get<Matrix>();
  const auto bias = golden()["logistic_regression"]["bias"].get<std::vector<double>>();
  const double mean = std::accumulate(theta.end() - 4, theta.end(), 0.0) / 4;
  for (size_t c = 0; c < 4; ++c) {
    for (size_t f = 0; f < 12; ++f) EXPECT_NEAR(theta[f * 4 + c], coefficients[f][c], 1e-4);
    EXPECT_NEAR(theta[48 + c] - mean, bias[c], 1e-4);
  }
}

TEST(EnsembleGolden, Isotonic) {
  const Predictions one = golden_predictions().only(0);
  const auto isotonic = fit_calibration("isotonic", one);
  expect_near(*isotonic, one, golden()["isotonic"]["probabilities"].get<Matrix>(), false);
  // The curves themselves, between their points too.
  const Fitted fitted = isotonic->fitted();
  const std::vector<double>&x = fitted.at("x").values, &y = fitted.at("y").values;
  const auto curves = golden()["isotonic"]["curves"].get<Matrix>();
  size_t begin = 0;
  for (size_t c = 0; c < 4; ++c) {
    const auto end = begin + static_cast<size_t>(fitted.at("sizes").values[c]);
    for (size_t q = 0; q <= 20; ++q) {
      const double at = static_cast<double>(q) / 20;
      size_t k = begin;
      while (k + 1 < end && x[k + 1] <= at) ++k;
      const bool outside = at <= x[k] || k + 1 == end;
      const double value = outside ? y[k] : y[k] + (y[k + 1] - y[k]) * (at - x[k]) / (x[k + 1] - x[k]);
      EXPECT_NEAR(value, curves[c][q], 1e-5) << "class " << c << " at " << at;
    }
    begin = end;
  }
}

TEST(LinearProblem, GradientAgreesWithFiniteDifferences) {
  const Predictions p = golden_predictions();
  std::vector<int64_t> samples(67);
  std::iota(samples.begin(), samples.end(), 5);
  for (const bool cross : {false, true}) {
    const LinearHead start = mean_head({3, 4, cross});
    const std::vector<double> l2(start.theta.size(), 0.5);
    const LinearProblem problem{p, log_sums(view_of(p), 1), {-1, -2, -3}, start, true, l2, 1};
    std::vector<double> theta = start.theta, gradient(theta.size()), ignored(theta.size());
    for (size_t j = 0; j < theta.size(); ++j) theta[j] += 0.1 * std::sin(static_cast<double>(j));
    problem.value(samples, theta, gradient);
    for (size_t j = 0; j < theta.size(); ++j) {
      constexpr double kStep = 1e-5;
      std::vector<double> up = theta, down = theta;
      up[j] += kStep, down[j] -= kStep;
      const double slope = problem.value(samples, up, ignored) - problem.value(samples, down, ignored);
      EXPECT_NEAR(gradient[j], slope / (2 * kStep), 1e-7) << j;
    }
  }
}

}  // namespace
}  // namespace retort
