// Values worked out by hand from the papers' formulas.
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace retort {
namespace {

TrainOptions options(const std::string& schedule, int64_t epochs, double warmup_epochs = 0) {
  return {.epochs = epochs, .lr = 0.5, .warmup_epochs = warmup_epochs, .schedule = schedule};
}

std::set<int64_t> snapshots(const std::string& schedule, int64_t epochs, int64_t save_every = 0) {
  TrainOptions o = options(schedule, epochs);
  o.save_every = save_every;
  return snapshot_epochs(o);
}

using Epochs = std::set<int64_t>;

TEST(Schedule, WarmsUpLinearlyFromAHundredth) {
  for (const ListedItem& item : list_schedules()) {
    const LearningRate s(options(item.name, 10, /*warmup_epochs=*/1), 10);
    EXPECT_DOUBLE_EQ(s.at(0), 0.005);
    EXPECT_DOUBLE_EQ(s.at(5), 0.5 * (0.01 + 0.99 * 0.5));
    EXPECT_LT(s.at(9), 0.5);
    EXPECT_DOUBLE_EQ(s.at(10), 0.5) << item.name;
    EXPECT_EQ(s.steps(), 100);
    for (int64_t step = 0; step < s.steps(); ++step) EXPECT_TRUE(s.at(step) > 0 && s.at(step) <= 0.5) << item.name;
  }
}

TEST(Schedule, CosineFallsToZero) {
  const LearningRate s(options("cosine", 11, 1), 10);
  EXPECT_NEAR(s.at(60), 0.25, 1e-12);
  EXPECT_NEAR(s.at(35), 0.25 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_GT(s.at(109), 0);
  EXPECT_NEAR(s.at(110), 0, 1e-12);
  for (int64_t step = 10; step < 110; ++step) EXPECT_GT(s.at(step), s.at(step + 1));
  EXPECT_DOUBLE_EQ(LearningRate(options("cosine", 1), 1).at(0), 0.5);
  EXPECT_EQ(snapshots("cosine", 10), Epochs());
}

// Huang et al. 2017, equation 2 with T = 60 and M = 3: a cycle has 20 steps.
TEST(Schedule, CyclicRestartsAtThePeak) {
  const LearningRate s(options("cyclic:cycles=3", 6), 10);
  for (const int64_t begin : {0, 20, 40}) {
    EXPECT_DOUBLE_EQ(s.at(begin), 0.5);
    EXPECT_NEAR(s.at(begin + 10), 0.25, 1e-12);
    EXPECT_NEAR(s.at(begin + 5), 0.25 * (1 + std::sqrt(0.5)), 1e-12);
    EXPECT_NEAR(s.at(begin + 19), 0.25 * (1 - std::cos(std::acos(-1.0) / 20)), 1e-12);
  }
  EXPECT_EQ(snapshots("cyclic:cycles=3", 6), (Epochs{2, 4, 6}));
  const LearningRate warm(options("cyclic:cycles=3", 6, 1), 10);  // the first cosine has 10 steps
  EXPECT_NEAR(warm.at(15), 0.25, 1e-12);
  EXPECT_NEAR(warm.at(30), 0.25, 1e-12);
  test::expect_error([] { snapshots("cyclic:cycles=3", 7); }, {"--epochs 7", "multiple of 3"}, Error::Kind::usage);
}

// Garipov et al. 2018, section 4 with c = 20: t is 1/20 at the first step, 1/2 at the tenth, 1 at the last.
TEST(Schedule, FgeFallsThenGoesInTriangles) {
  const LearningRate s(options("fge:cycle=2:start=0.5:high=0.4:low=0.1", 8), 10);
  EXPECT_DOUBLE_EQ(s.at(0), 0.5);
  EXPECT_NEAR(s.at(20), 0.5 * (0.1 + 0.9 * 0.5), 1e-12);
  for (const int64_t begin : {40, 60}) {
    EXPECT_NEAR(s.at(begin), 0.5 * (0.9 * 0.4 + 0.1 * 0.1), 1e-12);
    EXPECT_NEAR(s.at(begin + 9), 0.5 * 0.1, 1e-12);
    EXPECT_NEAR(s.at(begin + 14), 0.5 * 0.25, 1e-12);
    EXPECT_NEAR(s.at(begin + 19), 0.5 * 0.4, 1e-12);
  }
  EXPECT_EQ(snapshots("fge:start=0.5", 8), (Epochs{5, 7}));
}

TEST(Schedule, SwaFallsThenStays) {
  const LearningRate s(options("swa:start=0.5:rate=0.2", 8), 10);
  EXPECT_DOUBLE_EQ(s.at(0), 0.5);
  EXPECT_NEAR(s.at(20), 0.5 * (0.2 + 0.8 * 0.5), 1e-12);
  for (const int64_t step : {40, 55, 79}) EXPECT_DOUBLE_EQ(s.at(step), 0.1);
  EXPECT_EQ(snapshots("swa:start=0.5", 8), (Epochs{4, 5, 6, 7, 8}));
  EXPECT_EQ(snapshots("swa:start=0.5:every=2", 8), (Epochs{4, 6, 8}));
  EXPECT_EQ(snapshots("swa:start=0:every=3", 8), (Epochs{3, 6}));
}

TEST(Schedule, SavesEveryFewEpochsBesides) {
  EXPECT_EQ(snapshots("cosine", 7, 3), (Epochs{3, 6}));
  EXPECT_EQ(snapshots("cyclic:cycles=2", 6, 2), (Epochs{2, 3, 4, 6}));
}

TEST(Schedule, RefusesWhatDoesNotFit) {
  const auto refuse = [](const std::string& schedule, const std::string& word) {
    test::expect_error([&] { snapshots(schedule, 4); }, {"--schedule", word}, Error::Kind::usage);
  };
  refuse("cosin", "did you mean 'cosine'");
  refuse("cosine:cycles=2", "unknown setting");
  refuse("cyclic:cycles=1", "cycles");
  refuse("fge:cycle=3", "even");
  refuse("fge:high=0.1:low=0.2", "above high");
  refuse("fge", "leave 1 snapshots");
  refuse("swa:start=1", "leave 1 snapshots");
  refuse("swa:rate=x", "rate");
}

}  // namespace
}  // namespace retort
