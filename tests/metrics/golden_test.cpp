// Against scikit-learn, torchmetrics and statsmodels: tests/golden/metrics.json, which tools/metrics_golden.py made.
#include "support/golden.h"

#include <gtest/gtest.h>

#include <cmath>

#include "retort/metrics.h"

namespace retort {
namespace {

// torchmetrics computes the ECE in float32; all else is in double.
constexpr double kFloat = 1e-6, kDouble = 1e-12;

class MetricsGolden : public testing::Test {
 protected:
  MetricsGolden() : golden(test::read_golden("metrics.json")) {
    p.samples = golden.at("samples");
    p.classes = golden.at("classes");
    p.labels = golden.at("labels").get<std::vector<int64_t>>();
    for (int64_t i = 0; i < p.samples; ++i) p.ids.push_back(static_cast<uint64_t>(i));
    const std::vector<double> common = test::unit("logits", p.samples * p.classes);
    for (const auto& [name, own_scale] : golden.at("own").items()) {
      p.members.push_back(name);
      const std::vector<double> own = test::unit("logits " + name, p.samples * p.classes);
      for (size_t i = 0; i < own.size(); ++i) {
        p.logits.push_back(static_cast<float>(4 * common[i] + own_scale.get<double>() * own[i]));
      }
    }
  }

  std::vector<uint8_t> right(int64_t member) const { return correct(p.member(member), p.labels, p.classes); }

  Json golden;
  Predictions p;
};

TEST_F(MetricsGolden, Quality) {
  for (int64_t m = 0; m < p.count(); ++m) {
    const Json& expected = golden.at("quality").at(p.members[static_cast<size_t>(m)]);
    const Metrics ours = evaluate(p, m);
    EXPECT_DOUBLE_EQ(ours.accuracy, expected.at("accuracy"));
    EXPECT_DOUBLE_EQ(ours.top5_accuracy, expected.at("top5_accuracy"));
    EXPECT_NEAR(ours.nll, expected.at("nll"), kDouble);
    EXPECT_NEAR(ours.brier, expected.at("brier"), kDouble);
    EXPECT_NEAR(ours.ece, expected.at("ece"), kFloat);
  }
}

TEST_F(MetricsGolden, Classes) {
  for (int64_t m = 0; m < p.count(); ++m) {
    const Json& expected = golden.at("quality").at(p.members[static_cast<size_t>(m)]);
    const Confusion table = confusion(p.member(m), p.labels, p.classes);
    EXPECT_EQ(table.counts, expected.at("confusion").get<std::vector<int64_t>>());
    const std::vector<ClassMetrics> classes = per_class(table);
    for (size_t c = 0; c < classes.size(); ++c) {
      EXPECT_DOUBLE_EQ(classes[c].recall, expected.at("recall").at(c));
      EXPECT_DOUBLE_EQ(classes[c].precision, expected.at("precision").at(c));
    }
  }
}

TEST_F(MetricsGolden, McNemarByChiSquare) {
  for (const Json& expected : golden.at("pairs")) {
    const auto member = [&](const char* key) {
      return std::find(p.members.begin(), p.members.end(), expected.at(key).get<std::string>()) - p.members.begin();
    };
    const McNemar ours = mcnemar(right(member("a")), right(member("b")));
    EXPECT_EQ(ours.only_a, expected.at("only_a"));
    EXPECT_EQ(ours.only_b, expected.at("only_b"));
    EXPECT_FALSE(ours.exact);
    EXPECT_NEAR(ours.p, expected.at("mcnemar_chi_square"), kDouble);
  }
}

TEST_F(MetricsGolden, McNemarExactlyOnFewSamples) {
  const Json& expected = golden.at("few");
  const auto samples = expected.at("samples").get<size_t>();
  const std::vector<uint8_t> a = right(0), b = right(1);
  const McNemar ours = mcnemar(std::span(a).first(samples), std::span(b).first(samples));
  EXPECT_EQ(ours.only_a, expected.at("only_a"));
  EXPECT_TRUE(ours.exact);
  EXPECT_NEAR(ours.p, expected.at("mcnemar_exact"), kDouble);
}

TEST_F(MetricsGolden, Holm) {
  const auto expected = golden.at("holm").at("corrected").get<std::vector<double>>();
  const std::vector<double> ours = holm(golden.at("holm").at("p").get<std::vector<double>>());
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], expected[i], kDouble);
}

TEST_F(MetricsGolden, Diversity) {
  const Diversity ours = diversity(p);
  EXPECT_DOUBLE_EQ(ours.oracle_accuracy, golden.at("oracle_accuracy"));
  ASSERT_EQ(ours.pairs.size(), golden.at("pairs").size());
  double mean_q = 0;
  for (size_t i = 0; i < ours.pairs.size(); ++i) {
    const Json& expected = golden.at("pairs").at(i);
    const PairDiversity& pair = ours.pairs[i];
    EXPECT_EQ(p.members[static_cast<size_t>(pair.a)], expected.at("a"));
    EXPECT_EQ(p.members[static_cast<size_t>(pair.b)], expected.at("b"));
    EXPECT_NEAR(pair.q, expected.at("q"), kDouble);
    EXPECT_NEAR(pair.correlation, expected.at("correlation"), kDouble);
    EXPECT_NEAR(pair.kappa, expected.at("kappa"), kDouble);
    const double discordant = expected.at("only_a").get<double>() + expected.at("only_b").get<double>();
    EXPECT_DOUBLE_EQ(pair.disagreement, discordant / static_cast<double>(p.samples));
    mean_q += pair.q / 3;
  }
  EXPECT_NEAR(ours.mean.q, mean_q, kDouble);
}

}  // namespace
}  // namespace retort
