#include "ensemble/cascade_search.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace retort {
namespace {

std::optional<CascadeChoice> choose(const std::vector<StageAnswers>& stages, const CascadeGoal& goal) {
  std::vector<const StageAnswers*> pointers;
  for (const StageAnswers& stage : stages) pointers.push_back(&stage);
  return choose_thresholds(pointers, goal);
}

// Five samples, a cheap stage and the whole ensemble, which gets four right at a cost of 15. Settling the surest k
// samples in the first stage: k = 0, 1, 2 keep four right, k = 3 loses one, k = 4 costs 4 + 3 = 7 and has four right
// again, k = 5 loses one.
std::vector<StageAnswers> by_hand() {
  return {make_answers(1, {0.9, 0.8, 0.7, 0.6, 0.5}, {1, 1, 0, 1, 0}),
          make_answers(3, {0.9, 0.9, 0.9, 0.9, 0.9}, {1, 1, 1, 0, 1})};
}

TEST(CascadeSearch, TheLeastCostAtTheSameAccuracyByHand) {
  const auto best = choose(by_hand(), {.min_right = 4, .budget = {}});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->right, 4);
  EXPECT_EQ(best->cost, 7);
  EXPECT_NEAR(best->thresholds.at(0), 0.55, 1e-12);  // half-way between the last that settles and the next
}

TEST(CascadeSearch, TheBestAccuracyUnderABudgetByHand) {
  const auto some = choose(by_hand(), {.min_right = 0, .budget = 7.5});
  ASSERT_TRUE(some);
  EXPECT_EQ(some->right, 4);
  EXPECT_EQ(some->cost, 7);
  const auto little = choose(by_hand(), {.min_right = 0, .budget = 6});
  ASSERT_TRUE(little);
  EXPECT_EQ(little->right, 3);
  EXPECT_EQ(little->thresholds.at(0), 0);  // all settle at once
  EXPECT_FALSE(choose(by_hand(), {.min_right = 0, .budget = 4.5}));
}

TEST(CascadeSearch, AStageThatOnlyErrsIsPassedOver) {
  const std::vector<StageAnswers> stages = {make_answers(1, {0.9, 0.8}, {0, 0}), make_answers(3, {1, 1}, {1, 1})};
  const auto best = choose(stages, {.min_right = 2, .budget = {}});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->thresholds.at(0), kNever);
  EXPECT_EQ(best->cost, 6);
}

TEST(CascadeSearch, SamplesOfOneConfidenceGoTogether) {
  const std::vector<StageAnswers> stages = {make_answers(1, {1, 1, 1}, {1, 0, 1}),
                                            make_answers(3, {1, 1, 1}, {1, 1, 1})};
  EXPECT_EQ(choose(stages, {.min_right = 3, .budget = {}})->cost, 9);
  EXPECT_EQ(choose(stages, {.min_right = 2, .budget = {}})->cost, 3);
}

TEST(CascadeSearch, AlsoBetweenNeighbouringNumbers) {
  const double high = 0.5, low = std::nextafter(high, 0.0);
  const std::vector<StageAnswers> stages = {make_answers(1, {low, high}, {0, 1}), make_answers(3, {1, 1}, {1, 1})};
  EXPECT_EQ(choose(stages, {.min_right = 2, .budget = {}})->thresholds.at(0), high);
}

StageAnswers random_answers(Rng& rng, double cost, size_t samples) {
  std::vector<double> sure;
  std::vector<uint8_t> right;
  for (size_t i = 0; i < samples; ++i) {
    sure.push_back(std::floor(8 * rng.uniform()) / 8);  // some alike
    right.push_back(rng.uniform() < 0.6);
  }
  return make_answers(cost, sure, right);
}

// Every combination of thresholds.
void try_all(const std::vector<StageAnswers>& stages, const CascadeGoal& goal, std::vector<double>& thresholds,
             std::optional<CascadeChoice>& best) {
  if (thresholds.size() + 1 < stages.size()) {
    std::vector<double> cuts = stages[thresholds.size()].confidence;
    cuts.push_back(kNever);
    for (const double cut : cuts) {
      thresholds.push_back(cut);
      try_all(stages, goal, thresholds, best);
      thresholds.pop_back();
    }
    return;
  }
  CascadeChoice here{thresholds, 0, 0};
  for (size_t i = 0; i < stages[0].right.size(); ++i) {
    size_t k = 0;
    while (k < thresholds.size() && stages[k].confidence[i] < thresholds[k]) ++k;
    here.right += stages[k].right[i];
    here.cost += stages[k].cost;
  }
  if (goal.reached(here.right, here.cost) && (!best || goal.better(here.right, here.cost, *best))) best = here;
}

TEST(CascadeSearch, FindsWhatTryingAllFinds) {
  Rng rng{5};
  for (int round = 0; round < 60; ++round) {
    std::vector<StageAnswers> stages;
    for (int k = 0; k <= 1 + round % 3; ++k) stages.push_back(random_answers(rng, (k + 1) * (k + 1), 6));
    const auto whole = std::count(stages.back().right.begin(), stages.back().right.end(), 1);
    const std::vector<CascadeGoal> goals{{.min_right = whole, .budget = {}}, {.min_right = 0, .budget = 24.0}};
    for (const CascadeGoal& goal : goals) {
      std::vector<double> thresholds;
      std::optional<CascadeChoice> expected;
      try_all(stages, goal, thresholds, expected);
      const auto found = choose(stages, goal);
      ASSERT_EQ(found.has_value(), expected.has_value()) << round;
      EXPECT_EQ(found->right, expected->right) << round;
      EXPECT_EQ(found->cost, expected->cost) << round;
    }
  }
}

}  // namespace
}  // namespace retort
