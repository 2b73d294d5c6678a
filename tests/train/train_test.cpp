#include <algorithm>
#include <thread>

#include "train/tiny_training.h"

namespace retort::test {
namespace {

TEST_F(TrainTest, LearnsAndLeavesARunDirectory) {
  TrainOptions o = options("run");
  o.epochs = 6;
  o.batch = 8;
  o.augment = "random_crop:padding=1";
  std::vector<Progress> told;
  const TrainResult r = train(o, {.progress = [&](const Progress& p) { told.push_back(p); }});
  EXPECT_FALSE(r.stopped);
  EXPECT_EQ(r.epochs, 6);
  EXPECT_EQ(r.samples_per_epoch % 8, 0);
  EXPECT_GT(r.val.accuracy, 0.8);
  EXPECT_GE(r.best_val_accuracy, r.val.accuracy);
  EXPECT_GT(r.images_per_second, 0);
  EXPECT_GT(r.core_seconds, 0);
  for (const char* file : {"config.json", "model.safetensors", "metrics.json", "run.json", "history.csv",
                           "best/config.json", "best/model.safetensors"}) {
    EXPECT_TRUE(has(std::string("run/") + file)) << file;
  }
  EXPECT_FALSE(has("run/checkpoint"));
  EXPECT_EQ(temporary_files(), 0);

  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().done, told.back().total);
  EXPECT_EQ(told.back().total, 6 * r.samples_per_epoch);
  EXPECT_EQ(told.back().task, "train resnet8_half (run)");
  EXPECT_EQ(std::count_if(told.begin(), told.end(), [](const Progress& p) { return p.done == p.total; }), 1);

  const Json run = json("run", "run.json"), metrics = json("run", "metrics.json");
  EXPECT_EQ(run.at("retort_run"), 1);
  EXPECT_EQ(run.at("role"), "member");
  EXPECT_EQ(run.at("options").at("lr"), 0.05);
  EXPECT_TRUE(run.at("options").at("distill").is_null());
  EXPECT_EQ(run.at("precision"), "f32");
  EXPECT_EQ(run.at("label_core_seconds"), 0);
  EXPECT_EQ(metrics.at("val").at("accuracy"), r.val.accuracy);
  const std::string history = read_file(dir_ / "run" / "history.csv");
  EXPECT_EQ(std::count(history.begin(), history.end(), '\n'), 7);
}

TEST_F(TrainTest, WhatItReportsIsWhatTheRunGives) {
  for (const double ema : {0.0, 0.8}) {
    TrainOptions o = options(str("run", ema));
    o.ema = ema;
    const TrainResult r = train(o);
    const DataSet data = open_data(data_);
    Model model(o.out), best(o.out + "/best");
    EXPECT_NEAR(evaluate(predict(model, data, data.val)).nll, r.val.nll, 1e-6);
    EXPECT_EQ(evaluate(predict(best, data, data.val)).accuracy, r.best_val_accuracy);
  }
  EXPECT_NE(weights("run0"), weights("run0.8"));
}

TEST_F(TrainTest, SameSeedSameBytes) {
  TrainOptions o = options("a");
  o.epochs = 2;
  train(o);
  o.out = path("b");
  train(o);
  EXPECT_TRUE(weights("a") == weights("b"));
  o.out = path("c");
  o.seed = 1;
  train(o);
  EXPECT_FALSE(weights("a") == weights("c"));
  o.out = path("d");
  o.seed = 0;
  o.view_seed = 1;
  train(o);
  EXPECT_FALSE(weights("a") == weights("d"));
}

// Stops after each of several counts of steps, goes on, and must end at the same bytes.
void expect_resumes(TrainOptions o, const std::vector<int>& stops, const std::string& expected) {
  o.checkpoint_seconds = 0.02;
  for (const int steps : stops) {
    const TrainResult stopped = train(o, stop_after(steps));
    ASSERT_TRUE(stopped.stopped);
    ASSERT_FALSE(fs::exists(fs::path(o.out) / "model.safetensors"));
    o.resume = true;
  }
  EXPECT_FALSE(train(o).stopped);
  EXPECT_TRUE(read_file(fs::path(o.out) / "model.safetensors") == expected);
  EXPECT_FALSE(fs::exists(fs::path(o.out) / "checkpoint"));
}

TEST_F(TrainTest, ResumesBitForBit) {
  TrainOptions o = options("sgd");
  train(o);
  const std::string history = read_file(dir_ / "sgd" / "history.csv");
  const std::string expected = weights("sgd");
  o.out = path("stopped");
  // Four steps an epoch: in the first epoch, at an epoch's end, in the last one.
  expect_resumes(o, {1, 3, 4, 2}, expected);
  const std::string again = read_file(dir_ / "stopped" / "history.csv");
  EXPECT_EQ(std::count(again.begin(), again.end(), '\n'), std::count(history.begin(), history.end(), '\n'));

  o = options("adamw");
  o.optimizer = "adamw";
  o.lr = 0.01;
  o.ema = 0.9;
  o.clip_grad = 1;
  o.views = 2;
  o.label_smoothing = 0.1;
  train(o);
  o.out = path("stopped2");
  expect_resumes(o, {2, 5}, weights("adamw"));
}

TEST_F(TrainTest, ResumingAFinishedRunGivesItsResult) {
  TrainOptions o = options("run");
  o.epochs = 1;
  const TrainResult first = train(o);
  const std::string before = weights("run");
  o.resume = true;
  o.threads = 2;
  const TrainResult again = train(o);
  EXPECT_EQ(again.val.nll, first.val.nll);
  EXPECT_EQ(again.val.accuracy_interval.low, first.val.accuracy_interval.low);
  EXPECT_EQ(again.core_seconds, first.core_seconds);
  EXPECT_EQ(again.samples_per_epoch, first.samples_per_epoch);
  EXPECT_EQ(again.best_epoch, first.best_epoch);
  EXPECT_TRUE(weights("run") == before);
  o.lr = 0.06;
  expect_error([&] { train(o); }, {"--lr was 0.05, is 0.06"}, Error::Kind::usage);
}

TEST_F(TrainTest, ResumeWithoutARunBeginsOne) {
  TrainOptions o = options("run");
  o.epochs = 1;
  o.resume = true;
  fs::create_directories(dir_ / "run" / "checkpoint");  // killed before the first checkpoint
  EXPECT_FALSE(train(o).stopped);
}

TEST_F(TrainTest, SideBySideGivesTheSameBytes) {
  TrainOptions o = options("alone");
  o.epochs = 2;
  train(o);
  TrainOptions other = o;
  other.out = path("beside");
  TrainOptions third = o;
  third.out = path("third");
  third.seed = 5;
  std::jthread a([&] { train(other); }), b([&] { train(third); });
  a.join();
  b.join();
  EXPECT_TRUE(weights("alone") == weights("beside"));
}

TEST_F(TrainTest, SubsetsTakeFewerSamples) {
  TrainOptions o = options("run");
  o.epochs = 1;
  o.samples = 40;
  EXPECT_EQ(train(o).samples_per_epoch, 32);
  o.out = path("small");
  o.samples = 10;  // less than a batch
  EXPECT_EQ(train(o).samples_per_epoch, 10);
}

}  // namespace
}  // namespace retort::test
