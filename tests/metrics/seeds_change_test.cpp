#include <gtest/gtest.h>

#include "base/random.h"
#include "retort/metrics.h"

namespace retort {
namespace {

using Runs = std::vector<std::vector<uint8_t>>;

// Runs on the same samples, some harder than others; `accuracies` of each run on average.
Runs make_runs(const std::vector<double>& accuracies, size_t samples, uint64_t seed) {
  Runs runs;
  for (size_t r = 0; r < accuracies.size(); ++r) {
    Rng rng = stream(seed, Purpose::sample, r);
    std::vector<uint8_t> run;
    for (size_t i = 0; i < samples; ++i) run.push_back(rng.uniform() < accuracies[r]);
    runs.push_back(run);
  }
  return runs;
}

TEST(SeedsChange, ValueIsTheDifferenceOfMeanAccuracies) {
  const Runs a = {{1, 0, 0, 0}, {1, 1, 0, 0}}, b = {{1, 1, 1, 0}};
  const Change change = seeds_change(a, b);
  EXPECT_DOUBLE_EQ(change.value, 0.75 - 0.375);
  EXPECT_LE(change.interval.low, change.value);
  EXPECT_GE(change.interval.high, change.value);
}

TEST(SeedsChange, EqualRunsDifferByNothing) {
  const Runs a = {{1, 0, 1, 1, 0}};
  const Change change = seeds_change(a, a);
  EXPECT_EQ(change.value, 0);
  EXPECT_EQ(change.interval.low, 0);
  EXPECT_EQ(change.interval.high, 0);
}

TEST(SeedsChange, OneRunAgainstOneIsThePairedInterval) {
  const Runs a = make_runs({0.80}, 2000, 1), b = make_runs({0.85}, 2000, 2);
  const Change ours = seeds_change(a, b), paired = accuracy_change(a[0], b[0]);
  EXPECT_DOUBLE_EQ(ours.value, paired.value);
  EXPECT_NEAR(ours.interval.low, paired.interval.low, 0.003);
  EXPECT_NEAR(ours.interval.high, paired.interval.high, 0.003);
}

TEST(SeedsChange, SpreadOfSeedsWidensTheInterval) {
  const Runs a = make_runs({0.80, 0.80, 0.80}, 3000, 1);
  const Change steady = seeds_change(a, make_runs({0.84, 0.84, 0.84}, 3000, 2));
  const Change shaky = seeds_change(a, make_runs({0.80, 0.84, 0.88}, 3000, 3));
  EXPECT_GT(steady.interval.low, 0);
  EXPECT_GT(shaky.interval.high - shaky.interval.low, 1.5 * (steady.interval.high - steady.interval.low));
}

// The variance that seeds add must be that of a mean of n runs, also where n is small: with samples to spare, the
// interval is about +-1.96 s / sqrt(n) wide, taken over its two bootstrap tails.
TEST(SeedsChange, FewSeedsAreNotOverrated) {
  Runs a = {std::vector<uint8_t>(1000, 1)}, b;
  for (const size_t wrong : {100, 150, 200, 250, 300}) {
    std::vector<uint8_t> run(1000, 1);
    std::fill_n(run.begin(), wrong, 0);
    b.push_back(run);
  }
  const Change change = seeds_change(a, b);
  const double standard_error = 0.0790569 / std::sqrt(5.0);
  EXPECT_NEAR(change.value, -0.2, 1e-12);
  EXPECT_GT(change.interval.high - change.interval.low, 2 * 1.8 * standard_error);
}

TEST(SeedsChange, DependsOnTheSeedAlone) {
  const Runs a = make_runs({0.7, 0.72}, 300, 1), b = make_runs({0.75, 0.71}, 300, 2);
  EXPECT_EQ(seeds_change(a, b, 5).interval.low, seeds_change(a, b, 5).interval.low);
  EXPECT_EQ(seeds_change(a, b, 5).interval.high, seeds_change(a, b, 5).interval.high);
}

TEST(GainKept, ValueIsTheShareOfTheTeachersGain) {
  const Runs scratch = {{1, 0, 0, 0, 0}}, student = {{1, 1, 0, 0, 0}, {1, 1, 1, 0, 0}};
  const std::vector<uint8_t> teacher = {1, 1, 1, 1, 1};
  Runs many_scratch = {{}}, many_student = {{}, {}};
  std::vector<uint8_t> many_teacher;
  for (int i = 0; i < 100; ++i) {  // so many that every resample shows the gain
    many_scratch[0].insert(many_scratch[0].end(), scratch[0].begin(), scratch[0].end());
    for (size_t r = 0; r < 2; ++r) {
      many_student[r].insert(many_student[r].end(), student[r].begin(), student[r].end());
    }
    many_teacher.insert(many_teacher.end(), teacher.begin(), teacher.end());
  }
  const std::optional<Change> kept = gain_kept(many_scratch, many_student, many_teacher);
  ASSERT_TRUE(kept);
  EXPECT_DOUBLE_EQ(kept->value, 0.375);
  EXPECT_LT(kept->interval.low, 0.25);  // a single seed is at 0.25 or 0.5, samples add to it
  EXPECT_GT(kept->interval.high, 0.5);
}

// The teacher itself keeps all of its gain in every resample, the student from scratch none.
TEST(GainKept, EndsAreOneAndZero) {
  const Runs scratch = make_runs({0.7}, 1000, 1), teacher = make_runs({0.9}, 1000, 2);
  const std::optional<Change> all = gain_kept(scratch, teacher, teacher[0]),
                              none = gain_kept(scratch, scratch, teacher[0]);
  ASSERT_TRUE(all && none);
  EXPECT_EQ(all->interval.low, 1);
  EXPECT_EQ(all->interval.high, 1);
  EXPECT_EQ(none->interval.low, 0);
  EXPECT_EQ(none->interval.high, 0);
}

TEST(GainKept, IsNothingWhereTheTeacherMayGainNothing) {
  const Runs scratch = make_runs({0.80}, 300, 1), teacher = make_runs({0.81}, 300, 2);
  EXPECT_FALSE(gain_kept(scratch, scratch, teacher[0]));
}

TEST(SeedsChange, RefusesBadGroups) {
  const Runs one = {{1, 0}}, longer = {{1, 0, 1}}, empty = {{}};
  EXPECT_THROW(seeds_change({}, one), Error);
  EXPECT_THROW(seeds_change(one, {}), Error);
  EXPECT_THROW(seeds_change(one, longer), Error);
  EXPECT_THROW(seeds_change(empty, empty), Error);
}

}  // namespace
}  // namespace retort
