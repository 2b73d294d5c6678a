// Data of which the teacher alone speaks.
#include <set>

#include "train/selection.h"
#include "train/tiny_distilling.h"

namespace retort::test {
namespace {

class UnlabeledTest : public DistillTest {
 protected:
  UnlabeledTest() { more_ = write_idx_data(dir_ / "more", {.train = 80, .test = 20, .classes = 4, .seed = 5}); }

  LabelOptions both(const std::string& teacher, const std::string& name) const {
    LabelOptions o = label_options(teacher, name);
    o.unlabeled = more_;
    return o;
  }
  DistillOptions stored(const std::string& labels) const {
    DistillOptions d = from(labels);
    d.unlabeled = more_;
    return d;
  }

  std::string more_;
};

TEST_F(UnlabeledTest, StoredAndLiveTeachersGiveTheSameLosses) {
  train_member("a", 1);
  const auto info = write_labels(both("a", "labels"));
  ASSERT_TRUE(info);
  const int64_t labelled = open_data(data_).train.size(), more = open_data(more_).train.size();
  EXPECT_EQ(info->samples, labelled + more);
  EXPECT_EQ(info->unlabeled, more_);
  EXPECT_TRUE(verify_labels(both("a", "labels"), 20).good());
  const TrainResult result = train(student("stored", stored("labels")));
  EXPECT_EQ(result.samples_per_epoch, (labelled + more) / 32 * 32);
  DistillOptions live = stored("");
  live.teacher = path("a");
  live.labels = "";
  TrainOptions o = student("live", live);
  o.views = 2;
  train(o);
  expect_same_losses("stored", "live");
}

TEST_F(UnlabeledTest, ResumesBitForBitAndChecksTheData) {
  train_member("a", 1);
  ASSERT_TRUE(write_labels(both("a", "labels")));
  DistillOptions d = stored("labels");
  d.loss = "kd + dkd";  // the second one leaves samples without labels out
  TrainOptions o = student("straight", d);
  train(o);
  o.out = path("stopped");
  EXPECT_TRUE(train(o, stop_after(3)).stopped);
  o.resume = true;
  EXPECT_FALSE(train(o).stopped);
  EXPECT_TRUE(weights("straight") == weights("stopped"));

  const auto refuse = [&](const TrainOptions& bad, const std::vector<std::string>& words) {
    expect_error([&] { train(bad); }, words);
    EXPECT_FALSE(has("never"));
  };
  o = student("never", from("labels"));
  refuse(o, {"with unlabelled data " + more_, "this run uses none"});
  o.distill->unlabeled = write_idx_data(dir_ / "others", {.train = 80, .test = 20, .classes = 4, .seed = 6});
  refuse(o, {"with unlabelled data " + more_, "others"});
  o.distill->unlabeled = more_;
  o.distill->unlabeled_samples = 10;
  refuse(o, {"other samples"});
}

// Their labels are not looked at: others at the same pixels change nothing.
TEST_F(UnlabeledTest, LabelsAreNotLookedAt) {
  train_member("a", 1);
  DistillOptions live{.teacher = path("a"), .teacher_precision = "f32"};
  live.unlabeled = more_;
  train(student("one", live));
  std::string file = read_file(dir_ / "more" / "train-labels-idx1-ubyte");
  std::reverse(file.begin() + 8, file.end());
  write_file(dir_ / "more" / "train-labels-idx1-ubyte", file);
  train(student("other", live));
  EXPECT_TRUE(weights("one") == weights("other"));
}

TEST_F(UnlabeledTest, TheDataItselfGivesTheRestOfItsTrain) {
  TrainOptions o = options("any");
  o.samples = 50;
  o.distill = DistillOptions{.unlabeled = data_, .unlabeled_samples = 20};
  const DataSet all = open_data(data_), some = select_samples(o, all, {});
  EXPECT_EQ(some.train.size(), 70);
  EXPECT_EQ(some.val.hash(), all.val.hash());
  std::set<int64_t> labelled, rest;
  for (int64_t i = 0; i < 70; ++i) {
    const int64_t index = some.train.indices[static_cast<size_t>(i)];
    if (i < 50) labelled.insert(index);
    if (i >= 50) rest.insert(index - all.train.source->size());
    EXPECT_EQ(some.train.label(i) == kNoLabel, i >= 50) << i;
  }
  for (const int64_t index : rest) EXPECT_FALSE(labelled.contains(index));
  const std::set<int64_t> train(all.train.indices.begin(), all.train.indices.end());
  for (const int64_t index : rest) EXPECT_TRUE(train.contains(index));  // not of val
  o.samples = 0;
  expect_error([&] { select_samples(o, all, {}); }, {"the data itself", "--samples"}, Error::Kind::usage);
}

// Mixed views draw from both; one of a sample without a label has none.
TEST_F(UnlabeledTest, MixesWithTheOthers) {
  train_member("a", 1);
  LabelOptions label = both("a", "labels");
  label.augment = "hflip,mixup:alpha=1";
  ASSERT_TRUE(write_labels(label));
  EXPECT_TRUE(verify_labels(label, 20).good());
  train(student("stored", stored("labels")));
  TrainOptions o = student("live", stored(""));
  o.distill->labels = "", o.distill->teacher = path("a");
  o.views = 2;
  o.augment = label.augment;
  train(o);
  expect_same_losses("stored", "live");
}

TEST_F(UnlabeledTest, RefusesWhatTeachesNothing) {
  train_member("a", 1);
  const auto refuse = [&](const DistillOptions& bad, const std::vector<std::string>& words,
                          Error::Kind kind = Error::Kind::usage) {
    expect_error([&] { train(student("never", bad)); }, words, kind);
    EXPECT_FALSE(has("never"));
  };
  DistillOptions d{.teacher = path("a")};
  d.unlabeled = more_;
  d.alpha = 0;
  refuse(d, {"--unlabeled", "--alpha 0"});
  d.alpha = 0.5;
  for (const char* loss : {"dkd", "wsld + tfkd"}) {
    d.loss = loss;
    refuse(d, {"--unlabeled", loss, "kd"});
  }
  d.loss = "kd + dkd";
  fs::create_directories(dir_ / "empty");
  d.unlabeled = "folder:" + path("empty");
  refuse(d, {"empty", "there is no image"}, Error::Kind::failure);
}

}  // namespace
}  // namespace retort::test
