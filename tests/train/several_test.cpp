// Members that differ, and folds.
#include <map>
#include <set>

#include "model/run_file.h"
#include "train/selection.h"
#include "train/tiny_training.h"

namespace retort::test {
namespace {

using SeveralTest = TrainTest;

TEST_F(SeveralTest, MembersDifferAsAsked) {
  TrainOptions base = options("out");
  base.seed = 10;
  base.augment = "hflip";
  const auto bags = diversify("bagging:count=3", base);
  ASSERT_EQ(bags.size(), 3u);
  EXPECT_EQ(bags[0].bag, 11u);
  EXPECT_EQ(bags[2].bag, 13u);
  EXPECT_EQ(bags[2].seed, 12u);
  EXPECT_EQ(bags[2].out, path("out/3"));
  const auto seeds = diversify("seeds", base);
  ASSERT_EQ(seeds.size(), 5u);
  EXPECT_EQ(seeds[4].seed, 14u);
  EXPECT_EQ(seeds[4].augment, "hflip");
  EXPECT_EQ(seeds[4].view_seed, 0u);
  const auto views = diversify("views:count=6", base);
  EXPECT_EQ(views[0].augment, "hflip");
  EXPECT_EQ(views[2].augment, "hflip,random_erasing");
  EXPECT_EQ(views[4].augment, "hflip");
  EXPECT_EQ(views[4].view_seed, 4u);
  base.augment = "";
  EXPECT_EQ(diversify("views", base)[1].augment, "color_jitter");
  base.model = "resnet8,vgg8";
  const auto backbones = diversify("backbones", base);
  ASSERT_EQ(backbones.size(), 2u);
  EXPECT_EQ(backbones[1].model, "vgg8");
}

TEST_F(SeveralTest, RefusesToDiversifyWhatItCannot) {
  TrainOptions base = options("out");
  const auto refuse = [&](const std::string& spec, const std::string& word) {
    expect_error([&] { diversify(spec, base); }, {word}, Error::Kind::usage);
  };
  refuse("bags", "bagging");
  refuse("bagging:count=1", "count");
  refuse("backbones", "two or more");
  refuse("backbones:count=3", "unknown setting");
  write_file(dir_ / "file", "");
  base.out = path("file");
  refuse("seeds", "in the way");
  base.out = path("data");
  refuse("seeds", "not empty");
  base.out = path("run");
  base.epochs = 1;
  EXPECT_TRUE(train(base, stop_after(1)).stopped);
  base.resume = true;
  refuse("seeds", "is a run directory");
}

TEST_F(SeveralTest, ViewsTrainOnGreyImages) {
  TrainOptions base = options("out");
  base.epochs = 1;
  base.augment = "auto";
  const auto jobs = diversify("views:count=4", base);
  EXPECT_EQ(results_of(jobs, train_side_by_side(jobs, 2)).size(), 4u);
}

class FoldsTest : public TrainTest {
 protected:
  TrainOptions folds(const std::string& name) const {
    TrainOptions o = options(name);
    o.epochs = 2;
    o.folds = 3;
    o.threads = 2;
    return o;
  }
};

TEST_F(FoldsTest, EverySampleIsPredictedByTheNetworkThatHasNotSeenIt) {
  TrainOptions o = folds("out");
  const FoldsResult r = train_folds(o);
  ASSERT_EQ(r.runs.size(), 3u);
  EXPECT_FALSE(r.stopped);
  const Predictions all = load_predictions(dir_ / "out" / "out_of_fold");
  EXPECT_EQ(all.split, "val");
  EXPECT_EQ(all.samples, 160);
  EXPECT_EQ(all.members, std::vector<std::string>{"out"});
  EXPECT_EQ(std::set<uint64_t>(all.ids.begin(), all.ids.end()).size(), 160u);
  EXPECT_EQ(evaluate(all).nll, r.out_of_fold.nll);

  const DataSet data = open_data(data_);
  std::map<uint64_t, int64_t> row;
  for (int64_t i = 0; i < all.samples; ++i) row[all.ids[static_cast<size_t>(i)]] = i;
  for (o.fold = 1; o.fold <= 3; ++o.fold) {
    Model model(path(str("out/fold-", o.fold)));
    const DataSet part = select_samples(o, data, {});
    const Predictions own = predict(model, part, part.val);
    for (int64_t i = 0; i < own.samples; ++i) {
      const int64_t at = row.at(own.ids[static_cast<size_t>(i)]);
      for (int64_t c = 0; c < 4; ++c) {
        EXPECT_EQ(all.logits[static_cast<size_t>(4 * at + c)], own.logits[static_cast<size_t>(4 * i + c)]);
      }
    }
    // What the run reports as val is the fold that it has not seen.
    EXPECT_EQ(json(str("out/fold-", o.fold), "metrics.json").at("val").at("samples"), part.val.size());
    expect_error([&] { check_val_unseen(path(str("out/fold-", o.fold))); }, {"one of several folds"});
  }
  const EnsembleOptions two{.members = {path("out/fold-1"), path("out/fold-2")}, .data = data_, .out = path("two")};
  expect_error([&] { fit_ensemble(two); }, {"one of several folds"}, Error::Kind::usage);
  Model ensemble(path("out"));
  EXPECT_EQ(ensemble.members(), 3);
  EXPECT_EQ(load_ensemble(path("out")).val_accuracy, r.out_of_fold.accuracy);
  o.fold = 0;
  o.resume = true;
  EXPECT_EQ(train_folds(o).out_of_fold.nll, r.out_of_fold.nll);
}

TEST_F(FoldsTest, GoesOnWhereItWasStopped) {
  TrainOptions o = folds("whole");
  o.threads = 1;  // one after another, so that all is asked of one thread
  const FoldsResult whole = train_folds(o);
  o.out = path("stopped");
  EXPECT_TRUE(train_folds(o, stop_after(5)).stopped);
  EXPECT_FALSE(has("stopped/ensemble.json"));
  expect_error([&] { train_folds(o); }, {"not empty", "--resume"}, Error::Kind::usage);
  o.resume = true;
  EXPECT_EQ(train_folds(o).out_of_fold.nll, whole.out_of_fold.nll);
  EXPECT_TRUE(weights("stopped/fold-2") == weights("whole/fold-2"));
}

TEST_F(FoldsTest, AFailedFoldIsNamed) {
  TrainOptions o = folds("out");
  o.lr = 1e30;
  expect_error([&] { train_folds(o); }, {"3 of 3", path("out/fold-1")}, Error::Kind::failure);
  EXPECT_FALSE(has("out/ensemble.json"));
  o = folds("other");
  o.folds = 1;
  expect_error([&] { train_folds(o); }, {"--folds"}, Error::Kind::usage);
}

}  // namespace
}  // namespace retort::test
