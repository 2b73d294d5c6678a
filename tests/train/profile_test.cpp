// Where the time of a step goes, and that looking changes nothing.
#include <algorithm>

#include "train/step_profile.h"
#include "train/tiny_training.h"

namespace retort::test {
namespace {

// A clock that moves when it is told to: phases are what has passed, without gaps, in the steps after warming up.
TEST(StepProfile, PhasesAreTheWhole) {
  double now = 100;
  StepProfile profile([&now] { return now; });
  const auto pass = [&](double seconds, Phase phase) {
    now += seconds;
    profile.lap(phase);
  };
  double begun = 0;
  profile.start();
  for (int i = 0; i < StepProfile::kWarmUp + StepProfile::kSteps; ++i) {
    if (i == StepProfile::kWarmUp) begun = now;
    EXPECT_EQ(profile.step_clock() != nullptr, i >= StepProfile::kWarmUp);
    pass(1, Phase::data);
    pass(2, Phase::forward);
    pass(4, Phase::backward);
    pass(8, Phase::rest);
    EXPECT_EQ(profile.end_step(3), i + 1 == StepProfile::kWarmUp + StepProfile::kSteps);
  }
  const double whole = now - begun;
  pass(1000, Phase::forward);  // it stands still
  EXPECT_FALSE(profile.end_step(3));
  EXPECT_EQ(profile.step_clock(), nullptr);
  EXPECT_EQ(profile.seconds(Phase::forward), 2 * StepProfile::kSteps);
  double sum = 0;
  for (size_t i = 0; i < StepProfile::kPhases; ++i) sum += profile.seconds(static_cast<Phase>(i));
  EXPECT_EQ(sum, whole);
  EXPECT_NE(profile.text().find("20 steps of 3 images, 15000.000 ms each"), std::string::npos) << profile.text();
}

TEST(StepProfile, LeavesOutWhatIsNoStep) {
  double now = 0;
  StepProfile profile([&now] { return now; });
  for (int i = 0; i < StepProfile::kWarmUp; ++i) profile.end_step(1);
  EXPECT_NE(profile.text().find("nothing was timed"), std::string::npos);
  now = 50;  // a checkpoint
  profile.start();
  now = 51;
  profile.lap(Phase::data);
  EXPECT_EQ(profile.seconds(Phase::data), 1);
}

class ProfileTest : public TrainTest {
 protected:
  /// 28 steps: seven epochs of four.
  TrainOptions short_one(const std::string& name, bool profile) const {
    TrainOptions o = options(name);
    o.epochs = 7;
    o.precision = "auto";
    o.ema = 0.9;
    o.profile = profile;
    return o;
  }
  std::vector<std::string> said_;
  Monitor monitor_{.say = [this](const std::string& line) { said_.push_back(line); }};
};

TEST_F(ProfileTest, TheTrainingStaysTheSame) {
  train(short_one("plain", false), monitor_);
  EXPECT_TRUE(said_.empty());
  train(short_one("profiled", true), monitor_);
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_EQ(weights("profiled"), weights("plain"));
  for (const char* part : {"profile of 20 steps of 32 images", "optimizer, averages", "conv1", "\nbackward of"}) {
    EXPECT_NE(said_[0].find(part), std::string::npos) << part << " in " << said_[0];
  }
  EXPECT_FALSE(json("profiled", "run.json").at("options").contains("profile"));
}

TEST_F(ProfileTest, MayBeAskedForOrNotWhereATrainingGoesOn) {
  train(short_one("plain", false));
  TrainOptions o = short_one("run", true);
  Monitor stopped = stop_after(8);
  stopped.say = monitor_.say;
  EXPECT_TRUE(train(o, stopped).stopped);
  ASSERT_EQ(said_.size(), 1u);  // of what there was
  EXPECT_NE(said_[0].find("profile of 3 steps"), std::string::npos) << said_[0];
  o.resume = true;
  o.profile = false;
  train(o, monitor_);
  EXPECT_EQ(said_.size(), 1u);
  EXPECT_EQ(weights("run"), weights("plain"));
}

TEST_F(ProfileTest, IsOfOneTrainingOnTheCpu) {
  std::vector<TrainOptions> two = {short_one("a", true), short_one("b", false)};
  two[1].weight_seed = 1;
  expect_error([&] { train_in_one_pass(two); }, {"--profile", "alone"}, Error::Kind::usage);
  expect_error([&] { train_side_by_side(two, 1); }, {"--profile", "alone"}, Error::Kind::usage);
  two[0].device = "cuda";
  expect_error([&] { train(two[0]); }, {"--device", "cpu beside --profile"}, Error::Kind::usage);
  EXPECT_FALSE(has("a"));
}

}  // namespace
}  // namespace retort::test
