// Which samples a training takes: bags and folds.
#include "train/selection.h"

#include <map>
#include <set>

#include "train/input.h"
#include "train/tiny_training.h"

namespace retort::test {
namespace {

class SelectionTest : public TrainTest {
 protected:
  SelectionTest()
      : big_(open_data(write_idx_data(dir_ / "big", {.train = 2000, .test = 20, .height = 4, .width = 4}))) {}
  static std::set<uint64_t> ids(const Samples& samples) {
    std::set<uint64_t> all;
    for (int64_t i = 0; i < samples.size(); ++i) all.insert(samples.id(i));
    return all;
  }
  DataSet big_;
};

// A sample is missed with probability (1 - 1/n)^n, near 1/e: 0.632 of them are in a bag.
TEST_F(SelectionTest, ABagHasTwoThirdsOfTheSamples) {
  double share = 0;
  constexpr int kBags = 20;
  for (uint64_t seed = 1; seed <= kBags; ++seed) {
    const Samples bag = bag_of(big_.train, seed);
    EXPECT_EQ(bag.size(), big_.train.size());
    share += static_cast<double>(ids(bag).size()) / static_cast<double>(bag.size()) / kBags;
  }
  EXPECT_NEAR(share, 0.632, 0.005);
  EXPECT_EQ(bag_of(big_.train, 3).hash(), bag_of(big_.train, 3).hash());
  EXPECT_NE(bag_of(big_.train, 3).hash(), bag_of(big_.train, 4).hash());
}

TEST_F(SelectionTest, FoldsPartTrainAndVal) {
  TrainOptions o{.folds = 5};
  std::map<uint64_t, int> left_out;
  std::set<uint64_t> all = ids(big_.train);
  all.merge(ids(big_.val));
  for (o.fold = 1; o.fold <= o.folds; ++o.fold) {
    const DataSet part = select_samples(o, big_, {});
    EXPECT_EQ(part.train.size() + part.val.size(), 2000);
    EXPECT_NEAR(static_cast<double>(part.val.size()), 400, 60);
    EXPECT_EQ(part.test.hash(), big_.test.hash());
    std::set<uint64_t> both = ids(part.train);
    for (const uint64_t id : ids(part.val)) {
      ++left_out[id];
      EXPECT_TRUE(both.insert(id).second);
    }
    EXPECT_EQ(both, all);
  }
  EXPECT_EQ(left_out.size(), 2000u);
  for (const auto& [id, times] : left_out) EXPECT_EQ(times, 1);
}

TEST_F(SelectionTest, FoldsOfASubsetAndBagsOfFolds) {
  TrainOptions o{.samples = 100, .bag = 7, .folds = 2, .fold = 1};
  const DataSet part = select_samples(o, big_, {});
  EXPECT_EQ(part.train.size() + part.val.size(), 100);
  EXPECT_LT(std::ssize(ids(part.train)), part.train.size());
  for (const uint64_t id : ids(part.val)) EXPECT_FALSE(ids(part.train).contains(id));
  o = {.samples = 2, .folds = 1000, .fold = 1};
  expect_error([&] { select_samples(o, big_, {}); }, {"--folds", "fold 1 of 1000 is empty"}, Error::Kind::usage);
}

TEST_F(SelectionTest, ABaggedTrainingIsAnOrdinaryRun) {
  TrainOptions o = options("bag");
  o.bag = 3;
  o.epochs = 2;
  train(o);
  o.out = path("stopped");
  EXPECT_TRUE(train(o, stop_after(3)).stopped);
  o.resume = true;
  o.bag = 4;
  expect_error([&] { train(o); }, {"--bag was 3, is 4"}, Error::Kind::usage);
  o.bag = 3;
  train(o);
  EXPECT_TRUE(weights("stopped") == weights("bag"));
  o = options("other");
  o.epochs = 2;
  train(o);
  EXPECT_FALSE(weights("other") == weights("bag"));
}

TEST_F(SelectionTest, RefusesOptionsThatDoNotFit) {
  const auto refuse = [&](const auto& change, const std::string& word) {
    TrainOptions o = options("run");
    change(o);
    expect_error([&] { train(o); }, {word}, Error::Kind::usage);
  };
  refuse([](TrainOptions& o) { o.folds = 1; }, "--folds");
  refuse([](TrainOptions& o) { o.folds = 3; }, "--fold");
  refuse([](TrainOptions& o) { o.folds = 3, o.fold = 4; }, "1 to 3");
  refuse([](TrainOptions& o) { o.fold = 1; }, "--fold");
  refuse([](TrainOptions& o) { o.bag = 1, o.distill = DistillOptions{.labels = "store"}; }, "bag");
  refuse([](TrainOptions& o) { o.save_every = -1; }, "--save-every");
  refuse([](TrainOptions& o) { o.schedule = "cyclic:cycles=2"; }, "multiple of 2");
  refuse([](TrainOptions& o) { o.augment = "auto,hflp"; }, "hflp");
}

TEST_F(SelectionTest, AutoMayOpenAListOfAugmentations) {
  EXPECT_EQ(resolve_augment("auto,random_erasing", big_), "random_crop:padding=2,hflip,random_erasing");
  EXPECT_EQ(resolve_augment("automatic", big_), "automatic");
}

}  // namespace
}  // namespace retort::test
