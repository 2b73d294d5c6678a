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

TEST_P(EveryCombiner, IsFiniteAtExtremeLogitsAfterAFit) {
  for (double scale : {0.0, 100.0, 1e30}) {
    const Predictions in = random_predictions(3, 40, 5, scale);
    combine(*fit_combiner(GetParam(), in), in, "ensemble").check();
  }
}

TEST_P(EveryCombiner, DoesNotMindTheOrderOfMembers) {
  const Predictions in = random_predictions(3, 20, 4, 2);
  const std::vector<Predictions> reversed{in.only(2), in.only(1), in.only(0)};
  const Predictions turned = align(reversed);
  const Predictions a = combine(*fit_combiner(GetParam(), in), in, "a");
  const Predictions b = combine(*fit_combiner(GetParam(), turned), turned, "b");
  for (int64_t i = 0; i < in.samples; ++i) {
    const std::vector<double> p = probabilities(a, i), q = probabilities(b, i);
    for (size_t c = 0; c < p.size(); ++c) EXPECT_NEAR(p[c], q[c], 1e-5);
  }
}

TEST_P(EveryCombiner, ComesBackFromItsFittedNumbers) {
  const Predictions in = random_predictions(3, 60, 4, 2);
  const auto fitted = fit_combiner(GetParam(), in);
  const auto again = make_combiner(GetParam());
  EXPECT_TRUE(again->fitted().empty());
  EXPECT_EQ(fitted->fitted().empty(), !again->needs_fit());
  again->set_fitted(fitted->fitted(), 3);
  EXPECT_EQ(again->fitted(), fitted->fitted());
  EXPECT_EQ(combine(*again, in, "e").logits, combine(*fitted, in, "e").logits);
  EXPECT_EQ(fit_combiner(GetParam(), in, 1)->fitted(), fit_combiner(GetParam(), in, 3)->fitted());
  if (again->needs_fit()) expect_error([&] { make_combiner(GetParam())->set_fitted({}, 3); }, {"lack '"});
  expect_error([&] { make_combiner(GetParam())->set_fitted({{"x", {{1}, {1}}}}, 3); }, {"fit"});
}

TEST_P(EveryCombiner, KnowsTheShapeItWasFittedOn) {
  const auto fitted = fit_combiner(GetParam(), random_predictions(3, 60, 4, 2));
  // What has one exponent, or nothing, fits any number of members.
  if (!fitted->needs_fit() || GetParam() == "rank_average") return;
  expect_error([&] { make_combiner(GetParam())->set_fitted(fitted->fitted(), 2); }, {"2 members; fitted on 3"});
  expect_error([&] { combine(*fitted, random_predictions(2, 5, 4, 2), "e"); }, {"2 members; fitted on 3"});
}

TEST_P(EveryCombiner, TakesAClassThatValLacks) {
  Predictions in = random_predictions(3, 60, 4, 2);
  for (int64_t& label : in.labels) label = std::min<int64_t>(label, 2);
  combine(*fit_combiner(GetParam(), in), in, "e").check();
  for (int64_t& label : in.labels) label = 0;
  combine(*fit_combiner(GetParam(), in), in, "e").check();
}

TEST_P(EveryCombiner, TakesMembersThatAreAlwaysRight) {  // a fit that has no optimum must not diverge
  Predictions in = random_predictions(3, 60, 4, 1);
  for (int64_t r = 0; r < 3 * in.samples; ++r) {
    in.logits[static_cast<size_t>(r * 4 + in.labels[static_cast<size_t>(r % in.samples)])] += 20;
  }
  const Predictions out = combine(*fit_combiner(GetParam(), in), in, "e");
  out.check();
  for (int64_t i = 0; i < in.samples; ++i) {
    EXPECT_GT(probabilities(out, i)[static_cast<size_t>(in.labels[static_cast<size_t>(i)])], 0.5);
  }
}

TEST_P(EveryCombiner, IsFittedOnOneSampleOrSaysWhatItNeeds) {
  const Predictions in = random_predictions(3, 1, 4, 2);
  if (GetParam() != "class_weighted" && GetParam() != "stacking") {
    combine(*fit_combiner(GetParam(), in), in, "e").check();
    return;
  }
  expect_error([&] { fit_combiner(GetParam(), in); }, {"1 samples", "too few", "fixed l2"});
  combine(*fit_combiner(GetParam() + ":l2=1", in), in, "e").check();
}

TEST_P(EveryCombiner, OfOneMemberIsThatMember) {
  if (GetParam() == "majority_vote" || GetParam() == "rank_average") return;  // they read but the order
  const Predictions in = random_predictions(1, 20, 4, 3);
  const Predictions out = combine(*make_combiner(GetParam()), in, "same");
  for (int64_t i = 0; i < in.samples; ++i) {  // up to a constant a row
    const std::vector<double> p = probabilities(in, i), q = probabilities(out, i);
    for (size_t c = 0; c < p.size(); ++c) EXPECT_NEAR(p[c], q[c], 1e-6);
  }
}

TEST_P(EveryCombiner, OfEqualMembersIsThatMember) {
  for (const char* other : {"majority_vote", "rank_average", "tempered", "class_weighted", "stacking"}) {
    if (GetParam() == other) return;  // they read but the order, or change even one member
  }
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
  EXPECT_EQ(all_names(),
            (std::vector<std::string>{"mean_logits", "mean_probabilities", "majority_vote", "rank_average", "weighted",
                                      "greedy", "bma", "tempered", "class_weighted", "stacking"}));
  for (const ListedItem& item : list_combiners()) EXPECT_FALSE(item.help.empty());
  expect_error([] { make_combiner("mean_logit"); }, {"did you mean 'mean_logits'?"}, kUsage);
  expect_error([] { make_combiner("weighted:t=3"); }, {"[weighted]", "unknown setting 't'"}, kUsage);
  expect_error([] { make_combiner("greedy:metric=ece"); }, {"[greedy]", "'ece'", "accuracy, nll"}, kUsage);
  expect_error([] { make_combiner("stacking:folds=1"); }, {"[stacking]", "folds is '1'"}, kUsage);
  expect_error([] { make_combiner(""); }, {"malformed"}, kUsage);
}

TEST(MeanLogits, HandComputed) {
  const Predictions in{{"a", "b"}, 1, 3, "val", "", {1}, {0}, {1, 2, 3, 3, 2, -1}};
  EXPECT_EQ(combine(*make_combiner("mean_logits"), in, "e").logits, (std::vector<float>{2, 2, 1}));
}

TEST(MeanLogits, IsTheGeometricMeanOfProbabilities) {
  const Predictions in = random_predictions(3, 10, 4, 2);
  const Predictions out = combine(*make_combiner("mean_logits"), in, "e");
  for (int64_t i = 0; i < in.samples; ++i) {
    std::vector<double> product(4, 1.0);
    for (int64_t m = 0; m < 3; ++m) {
      const std::vector<double> p = probabilities(in.only(m), i);
      for (size_t c = 0; c < 4; ++c) product[c] *= std::cbrt(p[c]);
    }
    const double sum = product[0] + product[1] + product[2] + product[3];
    for (size_t c = 0; c < 4; ++c) EXPECT_NEAR(probabilities(out, i)[c], product[c] / sum, 1e-6);
  }
}

TEST(MajorityVote, GivesShares) {
  const Predictions in{{"a", "b", "c"},
                       2,
                       3,
                       "val",
                       "",
                       {1, 2},
                       {0, 0},
                       {1, 2, 3, 0, 5, 5,  //
                        9, 2, 3, 7, 0, 0,  //
                        0, 0, 1, 1, 1, 1}};
  const Predictions out = combine(*make_combiner("majority_vote"), in, "e");
  const std::vector<double> first = probabilities(out, 0), second = probabilities(out, 1);
  EXPECT_NEAR(first[0], 1.0 / 3, 1e-6);
  EXPECT_NEAR(first[1], 0, 1e-12);
  EXPECT_NEAR(first[2], 2.0 / 3, 1e-6);
  EXPECT_NEAR(second[0], 2.0 / 3, 1e-6);  // ties go to the lowest class: 1 (of 1 and 2), 0, 0
  EXPECT_NEAR(second[1], 1.0 / 3, 1e-6);
}

TEST(RankAverage, HandComputed) {
  // Ranks 3 2 1 and 1 2.5 2.5: means 2, 2.25, 1.75; before a fit p falls as 1 / mean rank.
  const Predictions in{{"a", "b"}, 1, 3, "val", "", {1}, {0}, {1, 2, 3, 9, 5, 5}};
  const Predictions out = combine(*make_combiner("rank_average"), in, "e");
  const std::vector<float> expected{-std::log(2.0f), -std::log(2.25f), -std::log(1.75f)};
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(out.logits[c], expected[c], 1e-6);
}

TEST(RankAverage, FitsHowFastProbabilityFalls) {
  // Two classes, both members agree: p(first) = 1 / (1 + 2^-s). Three of four labels are first: s = log2(3).
  const Predictions in{
      {"a", "b"}, 4, 2, "val", "", {1, 2, 3, 4}, {0, 0, 0, 1}, {1, 0, 1, 0, 1, 0, 1, 0, 5, 0, 5, 0, 5, 0, 5, 0}};
  EXPECT_NEAR(fit_combiner("rank_average", in)->fitted().at("exponent").values[0], std::log2(3), 1e-7);
}

TEST(Bma, WeighsByLikelihood) {
  // Log-likelihoods of val: 2 log 0.8 and 2 log 0.4, so 0.64 to 0.16.
  const auto log = [](double p) { return static_cast<float>(std::log(p)); };
  const Predictions in{
      {"a", "b"}, 2,      2,      "val",
      "",         {1, 2}, {0, 0}, {log(0.8), log(0.2), log(0.8), log(0.2), log(0.4), log(0.6), log(0.4), log(0.6)}};
  const std::vector<double> w = fit_combiner("bma", in)->fitted().at("weights").values;
  EXPECT_NEAR(w[0], 0.8, 1e-6);
  EXPECT_NEAR(w[1], 0.2, 1e-6);
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
