#include <gtest/gtest.h>

#include <cmath>

#include "retort/ensemble.h"

namespace retort {
namespace {

// Two classes; `p` are the members' probabilities of class 0, which is every sample's label.
Predictions of_label(const std::vector<std::vector<double>>& p) {
  Predictions out{{}, std::ssize(p[0]), 2, "val", "", {}, {}, {}};
  for (size_t i = 0; i < p[0].size(); ++i) out.ids.push_back(i), out.labels.push_back(0);
  for (size_t m = 0; m < p.size(); ++m) {
    out.members.push_back(str("m", m));
    for (const double q : p[m]) {
      out.logits.push_back(static_cast<float>(std::log(q)));
      out.logits.push_back(static_cast<float>(std::log(1 - q)));
    }
  }
  return out;
}

std::vector<double> weights(const std::string& spec, const Predictions& val) {
  return fit_combiner(spec, val)->fitted().at("weights").values;
}

TEST(Greedy, WorkedExample) {
  // Probabilities of the label; half and less is wrong. Round 1: a is right on 0, 1 and b on 2, 3, both error 0.5; a
  // has the lower NLL (0.9 * 0.95 * 0.35 * 0.25 > 0.35 * 0.3 * 0.75 * 0.7). Round 2, sums with a against 1: b
  // gives 1.25 1.25 1.1 0.95, error 0.25; a and c leave 0.5. Round 3, sums with a + b against 1.5: b
  // gives 1.6 1.55 1.85 1.65, error 0. No later round is better, so a, b, b stays.
  const Predictions val = of_label({{0.9, 0.95, 0.35, 0.25}, {0.35, 0.3, 0.75, 0.7}, {0.4, 0.3, 0.3, 0.35}});
  const std::vector<double> w = weights("greedy", val);
  EXPECT_DOUBLE_EQ(w[0], 1.0 / 3);
  EXPECT_DOUBLE_EQ(w[1], 2.0 / 3);
  EXPECT_EQ(w[2], 0);
  EXPECT_EQ(weights("greedy:rounds=1", val), (std::vector<double>{1, 0, 0}));
  EXPECT_EQ(weights("greedy:rounds=2", val), (std::vector<double>{0.5, 0.5, 0}));
}

TEST(Greedy, PrefersWhatIsSelectedThenTheLowerNll) {
  // All members are right everywhere: error 0 in round 1, decided by NLL; every later round ties, the first prefix
  // stays.
  const Predictions right = of_label({{0.6, 0.6}, {0.9, 0.9}, {0.7, 0.7}});
  EXPECT_EQ(weights("greedy", right), (std::vector<double>{0, 1, 0}));
  // Nobody ever gets sample 1 right: error 0.5 for all, and again the first prefix.
  const Predictions half = of_label({{0.6, 0.4}, {0.9, 0.1}, {0.7, 0.3}});
  EXPECT_EQ(weights("greedy", half), (std::vector<double>{1, 0, 0}));
}

TEST(Greedy, ByNll) {
  // Best mean of the two: equal shares, by symmetry; the first round takes a.
  const Predictions val = of_label({{0.9, 0.2}, {0.2, 0.9}});
  EXPECT_EQ(weights("greedy:metric=nll", val), (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(weights("greedy:metric=nll:rounds=1", val), (std::vector<double>{1, 0}));
}

TEST(Greedy, EqualMembersAreOne) {
  const Predictions one = of_label({{0.9, 0.3, 0.8}});
  EXPECT_EQ(weights("greedy:metric=nll", align(std::vector<Predictions>{one, one})), (std::vector<double>{1, 0}));
}

}  // namespace
}  // namespace retort
