// What holds for every combiner, whatever it is: looped over the registry.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/softmax.h"
#include "retort/ensemble.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;
constexpr auto kUsage = Error::Kind::usage;

Predictions random_predictions(int64_t members, int64_t samples, int64_t classes, double scale) {
  Rng rng{5, static_cast<uint64_t>(members)};
  Predictions p{{}, samples, classes, "val", "hash", {}, {}, {}};
  for (int64_t m = 0; m < members; ++m) p.members.push_back(str("m", m));
  for (int64_t i = 0; i < samples; ++i) {
    p.ids.push_back(static_cast<uint64_t>(i));
    p.labels.push_back(static_cast<int64_t>(rng.below(static_cast<uint64_t>(classes))));
  }
  for (int64_t i = 0; i < members * samples * classes; ++i)
    p.logits.push_back(static_cast<float>(scale * rng.normal()));
  return p;
}

std::vector<double> probabilities(const Predictions& p, int64_t sample) {
  const auto classes = static_cast<size_t>(p.classes);
  return softmax(std::span<const float>(p.logits).subspan(static_cast<size_t>(sample) * classes, classes));
}

class EveryCombiner : public testing::TestWithParam<std::string> {};

TEST_P(EveryCombiner, GivesFiniteRowsThatSumToOne) {
  for (double scale : {0.0, 1.0, 100.0, 1e4, 1e30}) {
    const Predictions in = random_predictions(3, 8, 5, scale);
    const Predictions out = combine(*make_combiner(GetParam()), in, "ensemble");
    out.check();
    EXPECT_EQ(out.members, std::vector<std::string>{"ensemble"});
    EXPECT_EQ(out.ids, in.ids);
    EXPECT_EQ(out.labels, in.labels);
    EXPECT_EQ(out.split, "val");
    EXPECT_EQ(out.data_hash, "hash");
    for (int64_t i = 0; i < 8; ++i) {
      double sum = 0;
      for (double p : probabilities(out, i)) sum += p;
      EXPECT_NEAR(sum, 1, 1e-9);
    }
  }
}

TEST_P(EveryCombiner, DoesNotMindTheOrderOfMembers) {
  const Predictions in = random_predictions(3, 20, 4, 2);
  const std::vector<Predictions> reversed{in.only(2), in.only(1), in.only(0)};
  const auto fitted = fit_combiner(GetParam(), in);
  const auto turned = make_combiner(GetParam());
  std::vector<double> weights = fitted->weights();
  std::reverse(weights.begin(), weights.end());
  if (!weights.empty()) turned->set_weights(weights);
  const Predictions a = combine(*fitted, in, "a"), b = combine(*turned, align(reversed), "b");
  for (size_t i = 0; i < a.logits.size(); ++i) EXPECT_NEAR(a.logits[i], b.logits[i], 1e-5);
  // The fit finds the same weights in either order.
  const std::vector<double> refitted = fit_combiner(GetParam(), align(reversed))->weights();
  ASSERT_EQ(refitted.size(), weights.size());
  for (size_t m = 0; m < weights.size(); ++m) EXPECT_NEAR(refitted[m], weights[m], 1e-6);
}

TEST_P(EveryCombiner, OfOneMemberIsThatMember) {
  const Predictions in = random_predictions(1, 20, 4, 3);
  const Predictions out = combine(*make_combiner(GetParam()), in, "same");
  for (int64_t i = 0; i < in.samples; ++i) {  // up to a constant a row
    const std::vector<double> p = probabilities(in, i), q = probabilities(out, i);
    for (size_t c = 0; c < p.size(); ++c) EXPECT_NEAR(p[c], q[c], 1e-6);
  }
}

TEST_P(EveryCombiner, OfEqualMembersIsThatMember) {
  const Predictions one = random_predictions(1, 20, 4, 3);
  const Predictions in = align(std::vector<Predictions>{one, one, one});
  const Predictions out = combine(*fit_combiner(GetParam(), in), in, "same");
  for (int64_t i = 0; i < in.samples; ++i) {
    const std::vector<double> p = probabilities(one, i), q = probabilities(out, i);
    for (size_t c = 0; c < p.size(); ++c) EXPECT_NEAR(p[c], q[c], 1e-6);
  }
}

TEST_P(EveryCombiner, IsFittedOnValAlone) {
  Predictions in = random_predictions(3, 10, 4, 1);
  in.split = "test";
  expect_error([&] { fit_combiner(GetParam(), in); }, {"nothing is ever fitted on test"}, kUsage);
  in.split = "train";
  expect_error([&] { fit_combiner(GetParam(), in); }, {"'train'", "fitted on val alone"}, kUsage);
  in.split = "";
  expect_error([&] { fit_combiner(GetParam(), in); }, {"fitted on val alone"}, kUsage);
}

TEST_P(EveryCombiner, RefusesBrokenPredictions) {
  const Predictions good = random_predictions(3, 10, 4, 1);
  const auto expect = [&](const auto& change, const std::vector<std::string>& words) {
    Predictions bad = good;
    change(bad);
    expect_error([&] { fit_combiner(GetParam(), bad); }, words);
  };
  expect([](Predictions& p) { p = p.only(0); }, {"1 members", "at least two"});
  expect([](Predictions& p) { p.logits.pop_back(); }, {"119 logits"});
  expect([](Predictions& p) { p.logits[5] = NAN; }, {"logit of m0 for sample 1 is nan"});
  expect([](Predictions& p) { p.labels.clear(); }, {"no labels"});
  expect([](Predictions& p) { p.labels[0] = 4; }, {"label 4"});
  expect([](Predictions& p) { p.samples = 0; }, {"0 samples"});
  Predictions bad = good;
  bad.logits[0] = INFINITY;
  expect_error([&] { combine(*make_combiner(GetParam()), bad, "x"); }, {"is inf"});
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const ListedItem& item : list_combiners()) names.push_back(item.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Registry, EveryCombiner, testing::ValuesIn(all_names()),
                         [](const auto& test_case) { return test_case.param; });

TEST(Combiners, AreListedAndMadeByName) {
  EXPECT_EQ(all_names(), (std::vector<std::string>{"mean_logits", "mean_probabilities", "weighted"}));
  for (const ListedItem& item : list_combiners()) EXPECT_FALSE(item.help.empty());
  expect_error([] { make_combiner("mean_logit"); }, {"did you mean 'mean_logits'?"}, kUsage);
  expect_error([] { make_combiner("weighted:t=3"); }, {"[weighted]", "unknown setting 't'"}, kUsage);
  expect_error([] { make_combiner(""); }, {"malformed"}, kUsage);
}

TEST(MeanLogits, HandComputed) {
  const Predictions in{{"a", "b"}, 1, 3, "val", "", {1}, {0}, {1, 2, 3, 3, 2, -1}};
  EXPECT_EQ(combine(*make_combiner("mean_logits"), in, "e").logits, (std::vector<float>{2, 2, 1}));
}

TEST(MeanProbabilities, HandComputed) {
  const auto log = [](double p) { return static_cast<float>(std::log(p)); };
  const Predictions in{{"a", "b"}, 1, 2, "val", "", {1}, {0}, {log(0.9) + 7, log(0.1) + 7, log(0.3), log(0.7)}};
  const Predictions out = combine(*make_combiner("mean_probabilities"), in, "e");
  EXPECT_NEAR(out.logits[0], std::log(0.6), 1e-6);
  EXPECT_NEAR(out.logits[1], std::log(0.4), 1e-6);
}

TEST(MeanProbabilities, KeepsTheOrderOfVanishingProbabilities) {
  const Predictions in{{"a", "b"}, 1, 3, "val", "", {1}, {0}, {0, -2000, -3000, 0, -2500, -2600}};
  const Predictions out = combine(*make_combiner("mean_probabilities"), in, "e");
  EXPECT_NEAR(out.logits[0], 0, 1e-6);
  EXPECT_NEAR(out.logits[1], -2000 - std::log(2), 1e-3);
  EXPECT_NEAR(out.logits[2], -2600 - std::log(2), 1e-3);
}

}  // namespace
}  // namespace retort
