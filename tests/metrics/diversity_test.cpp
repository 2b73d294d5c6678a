#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "retort/metrics.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using test::expect_error;

// Members that answer what is given, three classes, all labels 0.
Predictions answering(const std::vector<std::vector<int64_t>>& answers) {
  Predictions p{.samples = std::ssize(answers[0]), .classes = 3, .split = "val", .data_hash = "hash"};
  for (int64_t i = 0; i < p.samples; ++i) {
    p.ids.push_back(static_cast<uint64_t>(i));
    p.labels.push_back(0);
  }
  for (size_t m = 0; m < answers.size(); ++m) {
    p.members.push_back(str("m", m));
    for (const int64_t answer : answers[m]) {
      for (int64_t c = 0; c < 3; ++c) p.logits.push_back(c == answer ? 2.0f : 0.0f);
    }
  }
  return p;
}

Predictions mean_of(const Predictions& members) {
  Predictions out = members.only(0);
  for (int64_t m = 1; m < members.count(); ++m) {
    const std::span<const float> own = members.member(m);
    for (size_t i = 0; i < own.size(); ++i) out.logits[i] += own[i];
  }
  for (float& z : out.logits) z /= static_cast<float>(members.count());
  return out;
}

// A member whose logits point at the label by `skill` of 1, the rest noise.
Predictions skilled(const std::string& name, double skill, uint64_t seed) {
  Predictions p{.members = {name}, .samples = 1500, .classes = 4, .split = "val", .data_hash = "hash"};
  Rng noise = stream(seed, Purpose::sample);
  for (int64_t i = 0; i < p.samples; ++i) {
    p.ids.push_back(static_cast<uint64_t>(i));
    p.labels.push_back(i % 4);
    for (int64_t c = 0; c < 4; ++c) p.logits.push_back(static_cast<float>((c == i % 4) * skill + noise.normal()));
  }
  return p;
}

Predictions side_by_side(std::vector<Predictions> parts) { return align(parts); }

TEST(Diversity, ByHand) {
  // Both right, a alone, a alone, b alone, neither (other answers), neither (the same).
  const Diversity d = diversity(answering({{0, 0, 0, 1, 1, 2}, {0, 1, 2, 0, 2, 2}}));
  ASSERT_EQ(d.pairs.size(), 1u);
  const PairDiversity& pair = d.pairs[0];
  EXPECT_DOUBLE_EQ(pair.different_answers, 4.0 / 6);
  EXPECT_DOUBLE_EQ(pair.disagreement, 3.0 / 6);
  EXPECT_DOUBLE_EQ(pair.q, (1.0 * 2 - 2 * 1) / (1 * 2 + 2 * 1));
  EXPECT_DOUBLE_EQ(pair.correlation, 0);
  EXPECT_DOUBLE_EQ(pair.kappa, 0);
  EXPECT_DOUBLE_EQ(d.oracle_accuracy, 4.0 / 6);
}

TEST(Diversity, OfTheSameMemberTwice) {
  const PairDiversity pair = diversity(answering({{0, 1, 2, 0}, {0, 1, 2, 0}})).mean;
  EXPECT_EQ(pair.different_answers, 0);
  EXPECT_EQ(pair.disagreement, 0);
  EXPECT_EQ(pair.q, 1);
  EXPECT_EQ(pair.correlation, 1);
  EXPECT_EQ(pair.kappa, 1);
}

TEST(Diversity, OfErrorsThatNeverMeet) {
  const Diversity d = diversity(answering({{0, 1, 0, 1}, {1, 0, 1, 0}}));
  EXPECT_EQ(d.mean.q, -1);
  EXPECT_EQ(d.mean.correlation, -1);
  EXPECT_EQ(d.mean.kappa, -1);
  EXPECT_EQ(d.oracle_accuracy, 1);
}

TEST(Diversity, WhereUndefinedItIsNaNAndLeftOutOfTheMean) {
  const Diversity d = diversity(answering({{0, 0, 0}, {0, 0, 0}, {0, 1, 0}}));
  EXPECT_TRUE(std::isnan(d.pairs[0].q));
  EXPECT_TRUE(std::isnan(d.pairs[0].correlation));
  EXPECT_TRUE(std::isnan(d.pairs[0].kappa));
  EXPECT_TRUE(std::isnan(d.mean.q));
  EXPECT_EQ(d.pairs[1].kappa, 0);  // one is always right: no more agreement than chance
  EXPECT_EQ(d.mean.kappa, 0);
  EXPECT_NEAR(d.mean.disagreement, 2.0 / 9, 1e-15);
  EXPECT_TRUE(std::isnan(diversity(answering({{0}, {1}})).mean.correlation));  // one sample
}

TEST(Contributions, AGoodMemberHelpsAndANoisyOneHarms) {
  const Predictions members = side_by_side({skilled("a", 2, 1), skilled("b", 2, 2), skilled("noise", 0, 3)});
  const std::vector<Contribution> each = leave_one_out(members, mean_of);
  ASSERT_EQ(each.size(), 3u);
  for (const int64_t m : {0, 1}) {
    const Contribution& c = each[static_cast<size_t>(m)];
    EXPECT_EQ(c.member, m);
    EXPECT_LT(c.nll.interval.high, 0);
    EXPECT_GT(c.accuracy.interval.low, 0);
  }
  EXPECT_GT(each[2].nll.interval.low, 0);
  const double with = evaluate(mean_of(members)).nll;
  const double without = evaluate(mean_of(side_by_side({members.only(0), members.only(1)}))).nll;
  EXPECT_NEAR(each[2].nll.value, with - without, 1e-9);
}

TEST(Contributions, TheBestCandidateIsTheSkilledOne) {
  const Predictions members = side_by_side({skilled("a", 2, 1), skilled("b", 2, 2)});
  Predictions candidates = side_by_side({skilled("noise", 0, 3), skilled("c", 2, 4)});
  const std::vector<Contribution> each = add_one(members, candidates, mean_of);
  ASSERT_EQ(each.size(), 2u);
  EXPECT_GT(each[0].nll.interval.low, 0);
  EXPECT_LT(each[1].nll.interval.high, 0);
  EXPECT_TRUE(each[1].nll.excludes_zero());
  const Predictions with_c = side_by_side({members, candidates.only(1)});
  EXPECT_NEAR(each[1].nll.value, evaluate(mean_of(with_c)).nll - evaluate(mean_of(members)).nll, 1e-9);
}

TEST(Contributions, ACopyOfAMemberAddsNothing) {
  const Predictions members = side_by_side({skilled("a", 2, 1)});
  const Contribution copy = add_one(members, skilled("a", 2, 1), mean_of).at(0);
  EXPECT_EQ(copy.nll.value, 0);
  EXPECT_EQ(copy.accuracy.value, 0);
  EXPECT_FALSE(copy.nll.excludes_zero());
}

TEST(Diversity, RefusesBadInput) {
  const Predictions good = answering({{0, 1}, {1, 0}});
  expect_error([&] { diversity(good.only(0)); }, {"1 member", "at least 2"});
  expect_error([&] { leave_one_out(good.only(0), mean_of); }, {"at least 2"});
  expect_error([] { diversity({}); }, {"0 members"});
  Predictions bad = good;
  bad.labels.clear();
  expect_error([&] { diversity(bad); }, {"no labels"});
  bad = good;
  bad.labels[1] = 3;
  expect_error([&] { diversity(bad); }, {"label 3 of sample 1"});
  bad = good;
  bad.logits[0] = std::numeric_limits<float>::quiet_NaN();
  expect_error([&] { leave_one_out(bad, mean_of); }, {"m0 for sample 0"});
  Predictions other = good.only(0);
  other.ids[0] = 77;
  expect_error([&] { add_one(good, other, mean_of); }, {"has no sample 0"});
}

}  // namespace
}  // namespace retort
