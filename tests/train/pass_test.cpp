// Students that share one pass over the data.
#include "train/tiny_training.h"

namespace retort::test {
namespace {

class PassTest : public TrainTest {
 protected:
  /// Backbones, sizes and replicas that differ, on `threads` threads.
  std::vector<TrainOptions> students(const std::string& prefix, int threads) const {
    std::vector<TrainOptions> all(3, options(""));
    all[1].model = "resnet8";
    all[1].img_size = 16;  // and so another preprocessing
    all[2].weight_seed = 1;
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].out = path(str(prefix, i));
      all[i].epochs = 2;
      all[i].threads = threads;
    }
    return all;
  }

  void make_teacher() {
    TrainOptions o = options("teacher");
    o.epochs = 1;
    o.img_size = 14;  // none of its students' sizes
    train(o);
    ASSERT_TRUE(write_labels(label_options("teacher", "labels")));
  }

  /// Trains each alone, with as many threads as it has in the pass, and expects the same weights.
  void expect_alone(std::vector<TrainOptions> jobs, const std::string& prefix, int threads) {
    for (size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].out = path(str(prefix, "-alone", i));
      jobs[i].threads = threads;
      train(jobs[i]);
      EXPECT_TRUE(weights(str(prefix, i)) == weights(str(prefix, "-alone", i))) << prefix << i;
    }
  }

  std::vector<TrainResult> pass(const std::vector<TrainOptions>& jobs, const Monitor& monitor = {}) const {
    return results_of(jobs, train_in_one_pass(jobs, monitor));
  }
};

TEST_F(PassTest, FromLabelsAloneEachGivesWhatItGivesAlone) {
  const std::vector<TrainOptions> jobs = students("s", 2);
  const std::vector<TrainResult> results = pass(jobs);
  ASSERT_EQ(results.size(), 3u);
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(results[i].run, jobs[i].out);
    EXPECT_GT(results[i].core_seconds, 0);
    const Json run = json(str("s", i), "run.json");
    EXPECT_EQ(run.at("students_of_pass"), 3);
    EXPECT_EQ(run.at("options").at("threads"), 1);
  }
  EXPECT_FALSE(weights("s0") == weights("s2"));
  expect_alone(jobs, "s", 1);
  EXPECT_FALSE(json("s-alone0", "run.json").contains("students_of_pass"));
}

TEST_F(PassTest, FromStoredLabelsEachGivesWhatItGivesAlone) {
  make_teacher();
  std::vector<TrainOptions> jobs = students("s", 2);
  for (TrainOptions& o : jobs) o.distill = from("labels");
  jobs[2].distill->alpha = 0.3;  // losses may differ, too
  jobs[2].distill->loss = "dkd";
  jobs[2].lr = 0.02;
  pass(jobs);
  expect_alone(jobs, "s", 1);
}

TEST_F(PassTest, OnSeveralThreadsEachGivesWhatItGivesAlone) {
  std::vector<TrainOptions> jobs = students("s", 4);
  jobs.pop_back();
  for (TrainOptions& o : jobs) o.epochs = 1, o.samples = 40;
  pass(jobs);
  expect_alone(jobs, "s", 2);
}

TEST_F(PassTest, BesideALiveTeacherEachGivesWhatItGivesAlone) {
  make_teacher();
  std::vector<TrainOptions> jobs = students("s", 3);
  for (TrainOptions& o : jobs) o.distill = DistillOptions{.teacher = path("teacher"), .teacher_precision = "f32"};
  jobs[0].distill->loss = "kd + attention";
  jobs[1].distill->loss = "kd + hint:teacher_taps=layer1";
  pass(jobs);
  EXPECT_EQ(json("s1", "run.json").at("teachers").size(), 1u);
  expect_alone(jobs, "s", 1);
}

// As after a kill between two students' checkpoints, in one epoch and across two.
TEST_F(PassTest, OneThatIsAheadWaitsForTheOthers) {
  make_teacher();
  std::vector<TrainOptions> straight = students("straight", 2), jobs = students("killed", 2);
  for (TrainOptions& o : straight) o.distill = from("labels");
  for (TrainOptions& o : jobs) o.distill = from("labels");
  pass(straight);

  EXPECT_TRUE(pass(jobs, stop_after(2))[0].stopped);
  for (TrainOptions& o : jobs) o.resume = true;
  for (const int steps : {1, 3}) {
    const std::string before = read_file(checkpoint("killed1"));
    EXPECT_TRUE(pass(jobs, stop_after(steps))[0].stopped);
    write_file(checkpoint("killed1"), before);
  }
  EXPECT_TRUE(pass(jobs, stop_after(2))[1].stopped);
  for (const TrainResult& result : pass(jobs)) EXPECT_FALSE(result.stopped);
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_TRUE(weights(str("straight", i)) == weights(str("killed", i))) << i;
    EXPECT_FALSE(has(str("killed", i, "/checkpoint")));
  }
}

TEST_F(PassTest, OneThatEndedBeforeStaysAsItIs) {
  std::vector<TrainOptions> jobs = students("s", 2), straight = students("straight", 2);
  jobs[0].epochs = straight[0].epochs = 1;
  pass(straight);
  EXPECT_TRUE(pass(jobs, stop_after(6))[1].stopped);
  const auto written = fs::last_write_time(path("s0/model.safetensors"));
  for (TrainOptions& o : jobs) o.resume = true;
  EXPECT_EQ(pass(jobs)[0].epochs, 1);
  EXPECT_EQ(fs::last_write_time(path("s0/model.safetensors")), written);
  for (size_t i = 0; i < jobs.size(); ++i) EXPECT_TRUE(weights(str("s", i)) == weights(str("straight", i))) << i;
}

TEST_F(PassTest, OneThatDivergesFailsAlone) {
  std::vector<TrainOptions> jobs = students("s", 2);
  jobs[1].lr = 1e30;
  const std::vector<TrainOutcome> outcomes = train_in_one_pass(jobs);
  ASSERT_TRUE(outcomes[0].result && outcomes[1].error && outcomes[2].result);
  expect_error([&] { results_of(jobs, outcomes); }, {"1 of 3", path("s1"), "--lr", "checkpoint"}, Error::Kind::failure);
  EXPECT_TRUE(has("s1/checkpoint/state.safetensors"));
  EXPECT_FALSE(has("s1/run.json"));
  TrainOptions alone = jobs[2];
  alone.out = path("alone");
  alone.threads = 1;
  train(alone);
  EXPECT_TRUE(weights("s2") == weights("alone"));
  for (TrainOptions& o : jobs) o.lr = 1e30;
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i].out = path(str("lost", i));
  expect_error([&] { pass(jobs); }, {"3 of 3", path("lost0"), path("lost2")}, Error::Kind::failure);
}

TEST_F(PassTest, RefusesStudentsThatCannotShare) {
  const auto refuse = [&](const std::function<void(TrainOptions&)>& change, const std::vector<std::string>& words) {
    std::vector<TrainOptions> jobs = students("never", 2);
    change(jobs[2]);
    expect_error([&] { train_in_one_pass(jobs); }, words, Error::Kind::usage);
    EXPECT_FALSE(has("never0"));
  };
  refuse([](TrainOptions& o) { o.batch = 16; }, {"never2", "--batch was 32, is 16"});
  refuse([](TrainOptions& o) { o.seed = 1; }, {"--seed was 0, is 1"});
  refuse([](TrainOptions& o) { o.distill = DistillOptions{.teacher = "nowhere"}; }, {"never2", "--teacher"});
  refuse([this](TrainOptions& o) { o.out = path("never1"); }, {"two trainings", "never1"});
  refuse([](TrainOptions& o) { o.model = "resnet9"; }, {"resnet9"});
  refuse([](TrainOptions& o) { o.lr = -1; }, {"--lr"});
}

}  // namespace
}  // namespace retort::test
