// Trainings that leave several members.
#include "model/run_file.h"
#include "train/tiny_training.h"

namespace retort::test {
namespace {

class SnapshotsTest : public TrainTest {
 protected:
  TrainOptions cyclic(const std::string& name) const {
    TrainOptions o = options(name);
    o.epochs = 4;
    o.schedule = "cyclic:cycles=2";
    return o;
  }
};

TEST_F(SnapshotsTest, EachIsARunOfItsOwn) {
  TrainOptions o = cyclic("run");
  o.ema = 0.5;
  const TrainResult r = train(o);
  ASSERT_EQ(r.snapshots, (std::vector<std::string>{path("run/snapshots/epoch-2"), path("run/snapshots/epoch-4")}));
  EXPECT_TRUE(weights("run/snapshots/epoch-4") == weights("run"));
  EXPECT_FALSE(weights("run/snapshots/epoch-2") == weights("run"));
  const Json run = json("run/snapshots/epoch-2", "run.json");
  EXPECT_EQ(run.at("epochs"), 2);
  EXPECT_EQ(run.at("snapshot_of"), "../..");
  EXPECT_EQ(run.at("finished"), true);
  EXPECT_FALSE(json("run", "run.json").contains("snapshot_of"));
  const DataSet data = open_data(data_);
  Model model(r.snapshots[0]);
  const Json metrics = json("run/snapshots/epoch-2", "metrics.json");
  EXPECT_NEAR(evaluate(predict(model, data, data.val)).nll, metrics.at("val").at("nll").get<double>(), 1e-6);

  o.resume = true;
  EXPECT_EQ(train(o).snapshots, r.snapshots);
}

TEST_F(SnapshotsTest, ResumesBitForBitInTheMiddleOfACycle) {
  TrainOptions o = cyclic("whole");
  train(o);
  o.out = path("stopped");
  o.checkpoint_seconds = 0.02;
  for (const int steps : {3, 7}) {  // four steps an epoch: in the first cycle, in the second one's first epoch
    EXPECT_TRUE(train(o, stop_after(steps)).stopped);
    o.resume = true;
  }
  EXPECT_TRUE(has("stopped/snapshots/epoch-2/run.json"));
  EXPECT_FALSE(has("stopped/snapshots/epoch-4"));
  EXPECT_FALSE(train(o).stopped);
  for (const char* run : {"", "/snapshots/epoch-2", "/snapshots/epoch-4"}) {
    EXPECT_TRUE(weights("stopped" + std::string(run)) == weights("whole" + std::string(run))) << run;
  }
}

TEST_F(SnapshotsTest, TheirTrainingCostsOnce) {
  TrainOptions o = options("run");
  o.save_every = 1;
  const TrainResult r = train(o);
  ASSERT_EQ(r.snapshots.size(), 3u);
  const double cost = cost_of_runs(r.snapshots).train;
  EXPECT_NEAR(cost, r.core_seconds, 1e-9);
  EXPECT_EQ(cost_of_runs({r.snapshots[0]}).train,
            json("run/snapshots/epoch-1", "run.json").at("core_seconds").get<double>());
  EXPECT_LT(cost_of_runs({r.snapshots[0]}).train, cost);
  EXPECT_EQ(cost_of_runs({r.run, r.snapshots[1], path("run/best")}).train, cost);
}

TEST_F(SnapshotsTest, NamesSortLikeEpochs) {
  TrainOptions o = options("run");
  o.epochs = 10;
  o.samples = 32;
  o.save_every = 5;
  EXPECT_EQ(train(o).snapshots,
            (std::vector<std::string>{path("run/snapshots/epoch-05"), path("run/snapshots/epoch-10")}));
}

}  // namespace
}  // namespace retort::test
