#include "retort/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Logits whose softmax is the given probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> out;
  for (double p : probabilities) out.push_back(static_cast<float>(std::log(p)));
  return out;
}

TEST(Metrics, HandComputed) {
  const std::vector<float> logits = logits_of({0.7, 0.2, 0.1,    //
                                               0.3, 0.45, 0.25,  //
                                               0.15, 0.25, 0.6});
  const std::vector<int64_t> labels{0, 2, 2};
  const Metrics m = evaluate(logits, labels, 3);
  EXPECT_EQ(m.samples, 3);
  EXPECT_DOUBLE_EQ(m.accuracy, 2.0 / 3);
  EXPECT_NEAR(m.nll, -(std::log(0.7) + std::log(0.25) + std::log(0.6)) / 3, 1e-6);
  const double brier = (0.09 + 0.04 + 0.01) + (0.09 + 0.2025 + 0.5625) + (0.0225 + 0.0625 + 0.16);
  EXPECT_NEAR(m.brier, brier / 3, 1e-6);
  EXPECT_NEAR(m.ece, (0.3 + 0.45 + 0.4) / 3, 1e-6);  // each alone in its bin
  EXPECT_LE(m.accuracy_interval.low, m.accuracy);
  EXPECT_GE(m.accuracy_interval.high, m.accuracy);
  EXPECT_EQ(correct(logits, labels, 3), (std::vector<uint8_t>{1, 0, 1}));
}

TEST(Metrics, LogitsMayBeShiftedAndLarge) {
  const std::vector<float> logits{1e4f, 1e4f - 1, -1e4f, 1e30f, -1e30f, 0};
  const std::vector<int64_t> labels{1, 0};
  const Metrics m = evaluate(logits, labels, 3);
  EXPECT_NEAR(m.nll, (1 + std::log(1 + std::exp(-1))) / 2, 1e-6);
  EXPECT_TRUE(std::isfinite(m.brier));
  const std::vector<float> wrong{1e4f, -1e4f};
  EXPECT_DOUBLE_EQ(evaluate(wrong, std::vector<int64_t>{1}, 2).nll, 2e4);
}

TEST(Metrics, TiesGoToTheLowestIndex) {
  const std::vector<float> logits{1, 1, 1, 1, 1, 1};
  EXPECT_EQ(correct(logits, std::vector<int64_t>{0, 1}, 3), (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(evaluate(logits, std::vector<int64_t>{0, 1}, 3).accuracy, 0.5);
}

TEST(Metrics, CalibrationErrorOfKnownCases) {
  // Ten samples at confidence 0.75, of which `right` are right: one bin, gap |right / 10 - 0.75|.
  const auto ece = [](int right) {
    std::vector<float> logits;
    std::vector<int64_t> labels;
    for (int i = 0; i < 10; ++i) {
      for (float z : logits_of({0.75, 0.25})) logits.push_back(z);
      labels.push_back(i < right ? 0 : 1);
    }
    return evaluate(logits, labels, 2).ece;
  };
  for (int right : {0, 5, 7, 8, 10}) EXPECT_NEAR(ece(right), std::abs(right / 10.0 - 0.75), 1e-6) << right;
  // Within a bin gaps cancel, between bins they do not: 0.95 and 0.96 share (14/15, 1], 0.85 lies below.
  const std::vector<int64_t> right_wrong{0, 1};
  EXPECT_NEAR(evaluate(logits_of({0.95, 0.05, 0.96, 0.04}), right_wrong, 2).ece, std::abs(0.05 - 0.96) / 2, 1e-6);
  EXPECT_NEAR(evaluate(logits_of({0.95, 0.05, 0.85, 0.15}), right_wrong, 2).ece, (0.05 + 0.85) / 2, 1e-6);
  // Right and sure.
  EXPECT_NEAR(evaluate(std::vector<float>{100, -100}, std::vector<int64_t>{0}, 2).ece, 0, 1e-12);
}

TEST(Metrics, CalibrationBinsAreClosedOnTheRight) {
  // Confidence 1/5 lies in (2/15, 3/15], with 0.19 and not with 0.21. Right at 0.2, wrong at the other: in one bin the
  // gaps partly cancel.
  std::vector<float> uniform(5, 0.0f);
  const auto with = [&](double confidence) {
    std::vector<float> logits = uniform;
    std::vector<double> p(5, (1 - confidence) / 4);
    p[0] = confidence;
    for (float z : logits_of(p)) logits.push_back(z);
    return logits;
  };
  const std::vector<int64_t> labels{0, 1};
  EXPECT_NEAR(evaluate(with(0.21), labels, 5).ece, (0.8 + 0.21) / 2, 1e-6);  // two bins
  EXPECT_NEAR(evaluate(with(0.2 + 1e-4), labels, 5).ece, (0.8 + 0.2001) / 2, 1e-6);
  EXPECT_NEAR(evaluate(uniform, std::vector<int64_t>{0}, 5).ece, 0.8, 1e-12);
  std::vector<float> both = uniform;
  both.insert(both.end(), 5, 0.0f);
  EXPECT_NEAR(evaluate(both, labels, 5).ece, std::abs(0.8 - 0.2) / 2, 1e-12);  // one bin
}

TEST(Metrics, TopFiveCountsClassesBefore) {
  const std::vector<float> logits{0, 1, 2, 3, 4, 5, 6};
  for (int64_t label = 0; label < 7; ++label) {
    EXPECT_EQ(evaluate(logits, std::vector<int64_t>{label}, 7).top5_accuracy, label >= 2 ? 1 : 0) << label;
  }
  const std::vector<float> equal(7, 0);  // on ties the lower index stands before
  EXPECT_EQ(evaluate(equal, std::vector<int64_t>{4}, 7).top5_accuracy, 1);
  EXPECT_EQ(evaluate(equal, std::vector<int64_t>{5}, 7).top5_accuracy, 0);
  EXPECT_EQ(evaluate(std::vector<float>{1, 0}, std::vector<int64_t>{1}, 2).top5_accuracy, 1);
}

TEST(Metrics, OneSampleHasPointsForIntervals) {
  const Metrics m = evaluate(logits_of({0.75, 0.25}), std::vector<int64_t>{0}, 2);
  for (const auto& [interval, value] :
       {std::pair{m.accuracy_interval, m.accuracy}, {m.nll_interval, m.nll}, {m.brier_interval, m.brier}}) {
    EXPECT_DOUBLE_EQ(interval.low, value);
    EXPECT_DOUBLE_EQ(interval.high, value);
  }
}

TEST(Metrics, OfOneClassNothingIsEverWrong) {
  const std::vector<int64_t> labels{0, 0};
  const Metrics m = evaluate(std::vector<float>{3, -2}, labels, 1);
  EXPECT_EQ(m.accuracy, 1);
  EXPECT_EQ(m.nll, 0);
  EXPECT_EQ(m.brier, 0);
  EXPECT_EQ(m.ece, 0);
  EXPECT_EQ(confusion(std::vector<float>{3, -2}, labels, 1).counts, std::vector<int64_t>{2});
}

TEST(Metrics, ABrierScoreNearZeroKeepsItsDigits) {
  // p(label) = 1 / (1 + e^-20): 1 - p is about 2e-9, its square about 4e-18.
  const double missing = 1 / (1 + std::exp(20));
  EXPECT_NEAR(evaluate(std::vector<float>{20, 0}, std::vector<int64_t>{0}, 2).brier, 2 * missing * missing, 1e-24);
}

TEST(Confusion, OfClassesThatNobodyHasOrSays) {
  // Labels 0 0 1; answers 0 1 1; class 2 is neither there nor said.
  const std::vector<float> logits{1, 0, 0, 0, 1, 0, 0, 1, 0};
  const Confusion table = confusion(logits, std::vector<int64_t>{0, 0, 1}, 3);
  EXPECT_EQ(table.at(0, 1), 1);
  EXPECT_EQ(table.at(1, 0), 0);
  const std::vector<ClassMetrics> classes = per_class(table);
  EXPECT_EQ(classes[0].samples, 2);
  EXPECT_EQ(classes[0].predicted, 1);
  EXPECT_DOUBLE_EQ(classes[0].recall, 0.5);
  EXPECT_DOUBLE_EQ(classes[0].precision, 1);
  EXPECT_DOUBLE_EQ(classes[1].precision, 0.5);
  EXPECT_DOUBLE_EQ(classes[1].accuracy, 2.0 / 3);
  EXPECT_TRUE(std::isnan(classes[2].recall));
  EXPECT_TRUE(std::isnan(classes[2].precision));
  EXPECT_EQ(classes[2].accuracy, 1);
  expect_error([] { per_class({.classes = 2, .counts = {1, 2, 3}}); }, {"3 counts for 2 classes"});
}

TEST(Metrics, OfPredictions) {
  Predictions p{{"a", "b"}, 2, 2, "test", "hash", {1, 2}, {0, 1}, {1, 0, 0, 1, 0, 1, 0, 1}};
  EXPECT_EQ(evaluate(p).accuracy, 1);
  EXPECT_EQ(evaluate(p, 1).accuracy, 0.5);
  expect_error([&] { evaluate(p, 2); }, {"no member 2"});
  p.labels.clear();
  expect_error([&] { evaluate(p); }, {"0 labels"});
}

TEST(Metrics, RefuseBadInput) {
  const std::vector<float> logits{1, 2, 3, 4};
  const auto run = [&](const std::vector<int64_t>& labels, int64_t classes) { evaluate(logits, labels, classes); };
  expect_error([&] { run({}, 2); }, {"0 labels"});
  expect_error([&] { run({0, 1}, 0); }, {"0 classes"});
  expect_error([&] { run({0, 1}, -2); }, {"-2 classes"});
  expect_error([&] { run({0, 1, 0}, 2); }, {"4 logits", "3 labels"});
  expect_error([&] { run({0}, 2); }, {"4 logits"});
  expect_error([&] { run({0}, 3); }, {"4 logits"});
  expect_error([&] { run({0, 2}, 2); }, {"label 2 of sample 1", "0 to 1"});
  expect_error([&] { run({-1, 0}, 2); }, {"label -1 of sample 0"});
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const std::vector<float> broken{1, 2, 3, bad};
    expect_error([&] { evaluate(broken, std::vector<int64_t>{0, 1}, 2); }, {"logit of sample 1", "diverged"});
    expect_error([&] { correct(broken, std::vector<int64_t>{0, 1}, 2); }, {"logit of sample 1"});
    expect_error([&] { nll(broken, std::vector<int64_t>{0, 1}, 2); }, {"logit of sample 1"});
    expect_error([&] { confusion(broken, std::vector<int64_t>{0, 1}, 2); }, {"logit of sample 1"});
    expect_error([&] { bootstrap_mean(std::vector<double>{0, bad}); }, {"not finite"});
  }
}

TEST(MeanSd, KnownValues) {
  const MeanSd four = mean_sd(std::vector<double>{2, 4, 4, 6});
  EXPECT_DOUBLE_EQ(four.mean, 4);
  EXPECT_DOUBLE_EQ(four.sd, std::sqrt(8.0 / 3));
  EXPECT_EQ(mean_sd(std::vector<double>{3}).sd, 0);
  EXPECT_EQ(mean_sd(std::vector<double>{3}).mean, 3);
  EXPECT_NEAR(mean_sd(std::vector<double>(3, 0.1)).sd, 0, 1e-15);
  expect_error([] { mean_sd({}); }, {"no values"});
}

}  // namespace
}  // namespace retort
