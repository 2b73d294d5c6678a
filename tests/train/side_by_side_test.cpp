// Several trainings at a time.
#include "train/tiny_training.h"

namespace retort::test {
namespace {

TEST_F(TrainTest, SideBySideGivesEachWhatItGivesAlone) {
  std::vector<TrainOptions> jobs = {options("a"), options("b"), options("c")};
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i].epochs = 1, jobs[i].seed = i, jobs[i].threads = 7;
  const std::vector<TrainResult> results = results_of(jobs, train_side_by_side(jobs, /*threads=*/2));
  ASSERT_EQ(results.size(), 3u);
  for (size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(results[i].run, jobs[i].out);
  TrainOptions alone = options("alone");
  alone.epochs = 1;
  alone.seed = 2;
  train(alone);
  EXPECT_TRUE(weights("c") == weights("alone"));
}

TEST_F(TrainTest, OneFailureLeavesTheOthersAlone) {
  std::vector<TrainOptions> jobs = {options("a"), options("b"), options("c")};
  for (TrainOptions& job : jobs) job.epochs = 1;
  jobs[0].lr = 1e30;
  jobs[1].model = "no-such-model";
  const std::vector<TrainOutcome> outcomes = train_side_by_side(jobs, 1);
  EXPECT_TRUE(outcomes[0].error && !outcomes[0].result);
  EXPECT_EQ(outcomes[1].error->kind(), Error::Kind::usage);
  ASSERT_TRUE(outcomes[2].result && !outcomes[2].error);
  EXPECT_TRUE(has("c/run.json"));
  expect_error([&] { results_of(jobs, outcomes); }, {"2 of 3", path("a"), path("b"), "no-such-model"},
               Error::Kind::failure);

  jobs[0].lr = jobs[2].lr;
  jobs[1].model = jobs[2].model;
  fs::remove_all(path("a"));
  const auto written = fs::last_write_time(path("c/model.safetensors"));
  for (TrainOptions& job : jobs) job.resume = true;
  EXPECT_EQ(results_of(jobs, train_side_by_side(jobs, 1)).size(), 3u);
  EXPECT_EQ(fs::last_write_time(path("c/model.safetensors")), written);  // it was finished
}

TEST_F(TrainTest, SideBySideIsStoppedAndRefusesOneDirectoryTwice) {
  std::vector<TrainOptions> jobs = {options("a"), options("b")};
  const std::vector<TrainOutcome> outcomes = train_side_by_side(jobs, 1, stop_after(2));
  EXPECT_TRUE(outcomes[0].result->stopped);
  EXPECT_TRUE(outcomes[1].result->stopped);
  EXPECT_FALSE(has("b"));
  jobs[1].out = path("b/../a");
  expect_error([&] { train_side_by_side(jobs, 1); }, {"two trainings"}, Error::Kind::usage);
}

}  // namespace
}  // namespace retort::test
