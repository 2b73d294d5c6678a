// What holds for every calibration, whatever it is: looped over the registry.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "base/softmax.h"
#include "retort/ensemble.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;
constexpr auto kUsage = Error::Kind::usage;

// One member that is `confidence` times as sure as it should be: labels are drawn from its softmax(logits /
// confidence).
Predictions member(int64_t samples, double confidence, uint64_t seed = 1) {
  Rng rng{seed};
  Predictions p{{"m"}, samples, 4, "val", "hash", {}, {}, {}};
  for (int64_t i = 0; i < samples; ++i) {
    p.ids.push_back(static_cast<uint64_t>(i));
    std::vector<double> honest(4);
    for (double& z : honest) z = 2 * rng.normal();
    for (const double z : honest) p.logits.push_back(static_cast<float>(confidence * z));
    const std::vector<double> probability = softmax<double>(honest);
    int64_t label = 0;
    for (double u = rng.uniform(); label < 3 && u >= probability[static_cast<size_t>(label)]; ++label) {
      u -= probability[static_cast<size_t>(label)];
    }
    p.labels.push_back(label);
  }
  return p;
}

double nll(const Predictions& p) {
  double sum = 0;
  for (size_t i = 0; i < p.labels.size(); ++i) {
    const auto row = std::span<const float>(p.logits).subspan(i * 4, 4);
    sum += log_sum_exp(row) - row[static_cast<size_t>(p.labels[i])];
  }
  return sum / static_cast<double>(p.samples);
}

class EveryCalibration : public testing::TestWithParam<std::string> {};

TEST_P(EveryCalibration, MendsConfidenceOnSamplesItHasNotSeen) {
  for (const double confidence : {0.3, 4.0}) {
    const Predictions val = member(4000, confidence), other = member(4000, confidence, 2), honest = member(4000, 1, 2);
    const auto fitted = fit_calibration(GetParam(), val);
    const double before = nll(other), after = nll(combine(*fitted, other, "c"));
    EXPECT_LT(after, before - 0.05);
    EXPECT_LT(after, nll(honest) + 0.05);
  }
}

TEST_P(EveryCalibration, IsNothingBeforeAFit) {
  const Predictions in = member(50, 1);
  const Predictions out = combine(*make_calibration(GetParam()), in, "c");
  EXPECT_NEAR(nll(out), nll(in), 1e-6);
}

TEST_P(EveryCalibration, DoesNotMindAConstantAddedToARow) {
  const Predictions in = member(300, 2);
  Predictions shifted = in;
  for (size_t k = 0; k < shifted.logits.size(); ++k) shifted.logits[k] += static_cast<float>(k / 4 % 7) * 4;
  const auto fitted = fit_calibration(GetParam(), in);
  const Predictions a = combine(*fitted, in, "a"), b = combine(*fitted, shifted, "b");
  for (size_t i = 0; i < 300; ++i) {
    const auto p = softmax(std::span<const float>(a.logits).subspan(4 * i, 4));
    const auto q = softmax(std::span<const float>(b.logits).subspan(4 * i, 4));
    for (size_t c = 0; c < 4; ++c) EXPECT_NEAR(p[c], q[c], 1e-4);
  }
}

TEST_P(EveryCalibration, ComesBackFromItsFittedNumbers) {
  const Predictions in = member(200, 2);
  const auto fitted = fit_calibration(GetParam(), in);
  const auto again = make_calibration(GetParam());
  again->set_fitted(fitted->fitted(), 1);
  EXPECT_EQ(combine(*again, in, "e").logits, combine(*fitted, in, "e").logits);
  EXPECT_EQ(fit_calibration(GetParam(), in, 1)->fitted(), fit_calibration(GetParam(), in, 3)->fitted());
  expect_error([&] { make_calibration(GetParam())->set_fitted({}, 1); }, {"lack '"});
}

TEST_P(EveryCalibration, StaysFiniteWhereTheOptimumDoesNot) {
  Predictions in = member(200, 1);
  for (size_t i = 0; i < 200; ++i) in.logits[4 * i + static_cast<size_t>(in.labels[i])] += 50;  // always right
  combine(*fit_calibration(GetParam(), in), in, "c").check();
  for (float& z : in.logits) z *= 1e30f;
  combine(*fit_calibration(GetParam(), in), in, "c").check();
  for (int64_t& label : in.labels) label = 0;  // classes that val lacks
  combine(*fit_calibration(GetParam(), member(200, 1)), in, "c").check();
  combine(*fit_calibration(GetParam(), in), in, "c").check();
}

TEST_P(EveryCalibration, RefusesWhatItCannotBeFittedOn) {
  const auto expect = [](const auto& change, const std::vector<std::string>& words) {
    Predictions bad = member(20, 1);
    change(bad);
    expect_error([&] { fit_calibration(GetParam(), bad); }, words);
  };
  expect([](Predictions& p) { p.split = "test"; }, {"nothing is ever fitted on test"});
  expect([](Predictions& p) { p.split = "train"; }, {"fitted on val alone"});
  expect([](Predictions& p) { p = align(std::vector<Predictions>{p, p}); }, {"2 members", "combine them first"});
  expect([](Predictions& p) { p.logits[3] = NAN; }, {"is nan"});
  expect([](Predictions& p) { p.labels.clear(); }, {"no labels"});
}

TEST_P(EveryCalibration, KnowsItsClasses) {
  if (GetParam() == "temperature") return;  // fits any number
  const Predictions three{{"m"}, 1, 3, "val", "", {1}, {0}, {1, 2, 3}};
  const auto fitted = fit_calibration(GetParam(), member(200, 1));
  expect_error([&] { combine(*fitted, three, "c"); }, {"3 classes; fitted on 4"});
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const ListedItem& item : list_calibrations()) names.push_back(item.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Registry, EveryCalibration, testing::ValuesIn(all_names()),
                         [](const auto& test_case) { return test_case.param; });

TEST(Calibrations, AreListedAndMadeByName) {
  EXPECT_EQ(all_names(), (std::vector<std::string>{"temperature", "vector_scaling", "dirichlet", "isotonic"}));
  expect_error([] { make_calibration("isotonik"); }, {"did you mean 'isotonic'?"}, kUsage);
  expect_error([] { make_calibration("dirichlet:l2=-1"); }, {"[dirichlet]", "l2 is '-1'"}, kUsage);
}

TEST(Dirichlet, RefusesAMatrixThatIsTooLarge) {
  Predictions wide{{"m"}, 2, 400, "val", "", {1, 2}, {0, 1}, std::vector<float>(800)};
  expect_error([&] { fit_calibration("dirichlet", wide); }, {"400 classes", "use vector_scaling"}, kUsage);
  Predictions two{{"a", "b"}, 2, 300, "val", "", {1, 2}, {0, 1}, std::vector<float>(1200)};
  EXPECT_TRUE(fit_combiner("stacking:l2=1", two)->fitted().contains("class_weights"));  // which does without
}

TEST(Isotonic, RefusesCurvesThatAreNone) {
  const auto set = [](const std::vector<double>& sizes, const std::vector<double>& x, const std::vector<double>& y) {
    const auto array = [](const std::vector<double>& v) { return Numbers{{std::ssize(v)}, v}; };
    make_calibration("isotonic")->set_fitted({{"sizes", array(sizes)}, {"x", array(x)}, {"y", array(y)}}, 1);
  };
  set({2, 1}, {0.1, 0.2, 0.5}, {0, 1, 0.5});
  expect_error([&] { set({2, 2}, {0.1, 0.2, 0.5}, {0, 1, 0.5}); }, {"2 points", "do not fit 3"});
  expect_error([&] { set({2}, {0.1, 0.2, 0.5}, {0, 1, 0.5}); }, {"sum to 2"});
  expect_error([&] { set({3}, {0.1, 0.2, 0.5}, {0, 1}); }, {"do not fit"});
  expect_error([&] { set({0.5}, {0.1}, {0}); }, {"0.5 points"});
  expect_error([&] { set({2}, {0.2, 0.1}, {0, 1}); }, {"does not rise"});
  expect_error([&] { set({2}, {0.1, 0.2}, {1, 0}); }, {"does not rise"});
  expect_error([&] { set({1}, {0.1}, {1.5}); }, {"does not rise"});
}

}  // namespace
}  // namespace retort
