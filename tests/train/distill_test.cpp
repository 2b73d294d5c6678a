// Soft labels written, read and learnt from.
#include <numeric>

#include "base/safetensors.h"
#include "train/input.h"
#include "train/tiny_distilling.h"

namespace retort::test {
namespace {

TEST_F(DistillTest, StoredAndLiveTeachersGiveTheSameLosses) {
  make_teacher();
  DistillOptions stored = from("labels"), live = stored;
  stored.teacher = live.teacher = path("ensemble");
  live.labels = "";
  const TrainResult with_store = train(student("stored", stored));
  TrainOptions o = student("live", live);
  o.views = 2;
  const TrainResult with_model = train(o);
  ASSERT_EQ(losses("stored").size(), 2u);
  expect_same_losses("stored", "live");
  EXPECT_NEAR(with_store.val.nll, with_model.val.nll, 0.05);

  const Json run = json("stored", "run.json");
  EXPECT_EQ(run.at("role"), "student");
  EXPECT_EQ(run.at("teachers").size(), 2u);
  EXPECT_GT(run.at("label_core_seconds").get<double>(), 0);
  EXPECT_EQ(run.at("options").at("views"), 2);
  EXPECT_EQ(json("live", "run.json").at("label_core_seconds"), 0);
  EXPECT_NE(read_file(dir_ / "stored" / "history.csv").find("distill_loss,label_loss"), std::string::npos);
}

TEST_F(DistillTest, TheStoresAugmentationIsTaken) {
  make_teacher();
  TrainOptions o = student("plain", from("labels"));
  o.augment = "";
  o.view_seed = 77;
  train(o);
  o = student("same", from("labels"));
  train(o);
  EXPECT_TRUE(weights("plain") == weights("same"));
  EXPECT_EQ(json("plain", "run.json").at("options").at("augment"), "random_crop:padding=1,hflip");
  EXPECT_EQ(json("plain", "run.json").at("options").at("view_seed"), 0);
}

TEST_F(DistillTest, ResumesBitForBit) {
  make_teacher();
  TrainOptions o = student("straight", from("labels"));
  train(o);
  o.out = path("stopped");
  EXPECT_TRUE(train(o, stop_after(3)).stopped);
  o.resume = true;
  EXPECT_TRUE(train(o, stop_after(2)).stopped);
  EXPECT_FALSE(train(o).stopped);
  EXPECT_TRUE(weights("straight") == weights("stopped"));
  EXPECT_EQ(losses("straight"), losses("stopped"));
}

// Projections, variances, memories and queues are all in the checkpoint, and not in the student.
TEST_F(DistillTest, LossesOfFeaturesResumeBitForBit) {
  train_member("a", 1);
  DistillOptions live{.teacher = path("a"), .teacher_precision = "f32"};
  live.loss = "kd + hint + vid + crd:negatives=8:dim=8 + label_free:queue=64 + attention:warmup=2";
  TrainOptions o = student("straight", live);
  train(o);
  o.out = path("stopped");
  EXPECT_TRUE(train(o, stop_after(3)).stopped);
  const Safetensors kept(checkpoint("stopped"));
  for (const char* name : {"loss.1.hint.0.conv.weight", "optimizer.momentum.loss.2.vid.0.log_scale",
                           "loss.3.crd.student.memory", "loss.4.label_free.queue"}) {
    EXPECT_TRUE(kept.tensors().contains(name)) << name;
  }
  o.resume = true;
  EXPECT_FALSE(train(o).stopped);
  EXPECT_TRUE(weights("straight") == weights("stopped"));
  EXPECT_EQ(losses("straight"), losses("stopped"));
  train(student("plain", {.teacher = path("a"), .teacher_precision = "f32"}));
  EXPECT_EQ(weights("plain").size(), weights("straight").size());
  EXPECT_FALSE(weights("plain") == weights("straight"));
}

TEST_F(DistillTest, FeaturesAreComputedLiveBesideStoredLabels) {
  make_teacher();
  DistillOptions both = from("labels");
  both.teacher = path("ensemble");
  both.loss = "kd + attention";
  EXPECT_FALSE(train(student("both", both)).stopped);
  both.teacher = "";
  expect_error([&] { train(student("never", both)); }, {"--loss", "attention", "--teacher"}, Error::Kind::usage);
  both.loss = "pkt";
  expect_error([&] { train(student("never", both)); }, {"pkt", "--features embedding", "--teacher"},
               Error::Kind::usage);
  both.alpha = 0;  // leaves the loss out
  EXPECT_FALSE(train(student("supervised", both)).stopped);
  both.alpha = 0.5;
  both.teacher = path("ensemble");
  both.loss = "attention:student_taps=layer9:teacher_taps=layer3";
  expect_error([&] { train(student("never", both)); }, {"student_taps", "layer9", "layer1"}, Error::Kind::usage);
  EXPECT_FALSE(has("never"));
}

// Students of their teacher's own architecture; each generation's teacher is the one before, stored or live.
TEST_F(DistillTest, GenerationsAreBornAgain) {
  train_member("generation-0", 1);
  for (int generation = 1; generation <= 2; ++generation) {
    const std::string before = str("generation-", generation - 1), now = str("generation-", generation);
    ASSERT_TRUE(write_labels(label_options(before, "labels of " + before)));
    train(student(now, from("labels of " + before)));
    EXPECT_EQ(json(now, "run.json").at("teachers").at(0).at("sha256"), weights_hash(path(before)));
    EXPECT_EQ(read_config(path(now)).architecture, read_config(path(before)).architecture);
  }
  TrainOptions live = student("live", {.teacher = path("generation-1"), .teacher_precision = "f32"});
  live.views = 2;
  train(live);
  expect_same_losses("generation-2", "live");
}

// A teacher that is twice as sure decides the same.
TEST_F(DistillTest, HardLabelsAreTheTeachersDecisionsAlone) {
  make_teacher();
  const Labels labels(path("labels"));
  const LabelsInfo& info = labels.info();
  LabelsWriter writer(path("surer"), info);
  std::vector<int64_t> all(static_cast<size_t>(info.samples));
  std::iota(all.begin(), all.end(), 0);
  const auto shard = static_cast<size_t>(info.samples * info.classes);
  std::vector<float> logits(2 * shard);
  for (int64_t view = 0; view < info.views; ++view) {
    labels.read(view, all, logits);
    for (float& z : logits) z *= 2;
    for (size_t m = 0; m < 2; ++m)
      writer.write(static_cast<int64_t>(m), view, std::span(logits).subspan(m * shard, shard));
  }
  writer.finish();
  for (const std::string loss : {"hard", "kd"}) {
    for (const char* store : {"labels", "surer"}) {
      DistillOptions d = from(store);
      d.loss = loss;
      train(student(loss + " of " + store, d));
    }
  }
  EXPECT_TRUE(weights("hard of labels") == weights("hard of surer"));
  EXPECT_FALSE(weights("kd of labels") == weights("kd of surer"));
}

TEST_F(DistillTest, DotResumesBitForBit) {
  make_teacher();
  TrainOptions o = student("straight", from("labels"));
  o.optimizer = "dot";
  o.clip_grad = 5;
  train(o);
  o.out = path("stopped");
  EXPECT_TRUE(train(o, stop_after(3)).stopped);
  EXPECT_TRUE(Safetensors(checkpoint("stopped")).tensors().contains("optimizer.momentum_distill.fc.weight"));
  o.resume = true;
  EXPECT_FALSE(train(o).stopped);
  EXPECT_TRUE(weights("straight") == weights("stopped"));
  const auto refuse = [&](const std::vector<std::string>& words) {
    expect_error([&] { train(o); }, words, Error::Kind::usage);
  };
  o.out = path("never");
  o.dot_delta = 0.1;
  refuse({"--dot-delta", "0 to 0.1"});
  o.distill->alpha = 1;
  refuse({"dot", "--alpha"});
  o.distill.reset();
  refuse({"dot", "distill"});
}

TEST_F(DistillTest, SaysWhereATeacherIsNoBetterThanChance) {
  train_member("a", 1);
  LabelsInfo info = *write_labels(label_options("a", "labels"));
  std::vector<std::string> said;
  Monitor monitor{.say = [&](const std::string& line) { said.push_back(line); }};
  train(student("good", from("labels")), monitor);
  TrainOptions live = student("live", {.teacher = path("a"), .teacher_precision = "f32"});
  train(live, monitor);
  EXPECT_TRUE(said.empty()) << said[0];
  // A store in which the teacher is always wrong.
  fs::remove_all(path("labels"));
  LabelsWriter writer(path("labels"), info);
  const DataSet data = open_data(data_);
  std::vector<float> wrong(static_cast<size_t>(info.samples * info.classes));
  for (int64_t i = 0; i < info.samples; ++i) {
    wrong[static_cast<size_t>(i * info.classes + (data.train.label(i) + 1) % info.classes)] = 5;
  }
  for (int64_t view = 0; view < info.views; ++view) writer.write(0, view, wrong);
  writer.finish();
  train(student("bad", from("labels")), monitor);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("no better than chance: accuracy 0.0%"), std::string::npos) << said[0];
}

TEST_F(DistillTest, RefusesAStoreThatDoesNotMatch) {
  make_teacher();
  const auto refuse = [&](const TrainOptions& o, const std::vector<std::string>& words) {
    expect_error([&] { train(o); }, words);
    EXPECT_FALSE(fs::exists(o.out)) << words[0];
  };
  TrainOptions o = student("never", from("labels"));
  o.samples = 50;
  refuse(o, {"other samples"});
  o = student("never", from("labels"));
  o.views = 3;
  refuse(o, {"--views", "2 views"});
  o = student("never", from("labels"));
  o.distill->teacher = path("a");
  refuse(o, {"labels", "teacher"});
  o.distill->teacher = path("nowhere");
  refuse(o, {"nowhere"});
  o = student("never", from("labels"));
  o.distill->combiner = "weighted";
  refuse(o, {"--combiner", "--teacher"});
  o = student("never", from("nowhere"));
  refuse(o, {"nowhere"});
  o = student("never", from("labels"));
  o.data = write_idx_data(dir_ / "other", {.train = 160, .test = 20, .classes = 4, .seed = 3});
  refuse(o, {"other data"});
}

TEST_F(DistillTest, RefusesACutShard) {
  make_teacher();
  for (const auto& entry : fs::directory_iterator(dir_ / "labels")) {
    if (entry.path().extension() != ".safetensors") continue;
    fs::resize_file(entry.path(), fs::file_size(entry.path()) - 2);
    break;
  }
  expect_error([&] { train(student("never", from("labels"))); }, {"safetensors"}, Error::Kind::failure);
  EXPECT_FALSE(has("never"));
}

TEST_F(DistillTest, RefusesALiveTeacherOfOtherClasses) {
  train_member("a", 1);
  DistillOptions live{.teacher = path("a")};
  TrainOptions o = student("never", live);
  o.data = write_idx_data(dir_ / "other", {.train = 160, .test = 20, .classes = 5});
  expect_error([&] { train(o); }, {"classes"});
  EXPECT_FALSE(has("never"));
}

TEST_F(DistillTest, MixedViewsAreTheSameForTeacherAndStudent) {
  train_member("a", 1);
  LabelOptions o = label_options("a", "labels");
  o.augment = "hflip,mixup:alpha=1";
  ASSERT_TRUE(write_labels(o));
  EXPECT_TRUE(verify_labels(o, 20).good());
  DistillOptions stored = from("labels"), live = stored;
  stored.teacher = live.teacher = path("a");
  live.labels = "";
  train(student("stored", stored));
  TrainOptions with_model = student("live", live);
  with_model.views = 2;
  with_model.augment = o.augment;
  train(with_model);
  expect_same_losses("stored", "live");
}

TEST_F(DistillTest, RuntimesLabelAlikeAndSayHowFarTheyAreFromFloat32) {
  train_member("a", 1);
  LabelOptions o = label_options("a", "openvino");
  ASSERT_EQ(o.runtime, "openvino");
  const auto info = write_labels(o);
  ASSERT_TRUE(info && info->float32_difference);
  EXPECT_GT(*info->float32_difference, 0);
  EXPECT_LT(*info->float32_difference, 1e-3);
  o.out = path("libtorch");
  o.runtime = "libtorch";
  EXPECT_EQ(*write_labels(o)->float32_difference, 0);
  const Labels fast(path("openvino")), exact(path("libtorch"));
  std::vector<float> a(static_cast<size_t>(info->samples * info->classes)), b(a.size());
  std::vector<int64_t> positions(static_cast<size_t>(info->samples));
  std::iota(positions.begin(), positions.end(), 0);
  fast.read(1, positions, a);
  exact.read(1, positions, b);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-3 * std::max(1.F, std::abs(b[i])));
  EXPECT_EQ(*Labels(path("openvino")).info().float32_difference, *info->float32_difference);
  o.out = path("int8");
  o.runtime = "openvino";
  o.precision = "int8";
  const auto rounded = write_labels(o);
  EXPECT_EQ(rounded->precision, "int8");
  EXPECT_GT(*rounded->float32_difference, *info->float32_difference);
  EXPECT_LT(*rounded->float32_difference, 0.5);
  EXPECT_TRUE(verify_labels(o, 20).good());
  o.runtime = "libtorch";
  expect_error([&] { write_labels(o); }, {"int8", "--runtime openvino"}, Error::Kind::usage);
  o.precision = "f32";
  o.out = path("labels");
  o.runtime = "caffe";
  expect_error([&] { write_labels(o); }, {"caffe", "openvino"}, Error::Kind::usage);
}

TEST_F(DistillTest, LabelsAreEachMembersLogits) {
  train_member("a", 1);
  LabelOptions o = label_options("a", "labels");
  o.samples = 30;
  std::atomic<int64_t> most{0};
  const auto info = write_labels(o, {.progress = [&](const Progress& p) { most = std::max<int64_t>(most, p.done); }});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->samples, 30);
  EXPECT_EQ(info->views, 2);
  EXPECT_EQ(info->precision, "f32");
  EXPECT_EQ(info->teachers.at(0).hash, weights_hash(path("a")));
  EXPECT_GT(info->core_seconds, 0);
  EXPECT_EQ(most, 60);

  const DataSet data = open_data(data_);
  const Labels labels(path("labels"));
  Model model(path("a"));
  const Predictions expected =
      predict(model, data, data.train.subset(30), {.augment = Augment(o.augment), .seed = o.seed, .view = 1});
  std::vector<int64_t> positions(30);
  for (int64_t i = 0; i < 30; ++i) positions[static_cast<size_t>(i)] = i;
  std::vector<float> stored(expected.logits.size());
  labels.read(1, positions, stored);
  for (size_t i = 0; i < stored.size(); ++i) EXPECT_NEAR(stored[i], expected.logits[i], 0.01);
}

TEST_F(DistillTest, LabellingCanBeStoppedAndRefuses) {
  train_member("a", 1);
  EXPECT_FALSE(write_labels(label_options("a", "labels"), {.stop = [] { return true; }}));
  EXPECT_FALSE(has("labels/labels.json"));
  ASSERT_TRUE(write_labels(label_options("a", "labels")));
  expect_error([&] { write_labels(label_options("a", "labels")); }, {"already"});
  expect_error([&] { write_labels(label_options("data", "other")); }, {"holds no model"});
  LabelOptions o = label_options("a", "other");
  o.data = write_idx_data(dir_ / "five", {.train = 160, .test = 20, .classes = 5});
  expect_error([&] { write_labels(o); }, {"classes"});
}

TEST_F(DistillTest, LabellingGoesOnWhereItWasAndAddsViews) {
  train_member("a", 1);
  LabelOptions o = label_options("a", "labels");
  o.views = 3;
  o.threads = 1;
  // One shard of three, then a stop.
  const auto one_there = [&] { return has("labels/member-00-view-0000.safetensors"); };
  EXPECT_FALSE(write_labels(o, {.stop = one_there}));
  const auto first = dir_ / "labels" / "member-00-view-0000.safetensors";
  const auto written = fs::last_write_time(first);
  std::atomic<int64_t> total{0};
  const Monitor monitor{.progress = [&](const Progress& p) { total = p.total; }};
  const auto info = write_labels(o, monitor);
  ASSERT_TRUE(info);
  EXPECT_EQ(total, 2 * info->samples);
  o.views = 5;
  const auto more = write_labels(o, monitor);
  ASSERT_TRUE(more);
  EXPECT_EQ(total, 2 * info->samples);
  EXPECT_EQ(fs::last_write_time(first), written);
  EXPECT_EQ(Labels(path("labels")).info().views, 5);
  EXPECT_GT(more->core_seconds, info->core_seconds);
}

TEST_F(DistillTest, RowsOfAStoreAreComputedAgain) {
  train_member("a", 1);
  LabelOptions o = label_options("a", "labels");
  o.top = 2;
  ASSERT_TRUE(write_labels(o));
  const LabelsCheck check = verify_labels(o, 20);
  EXPECT_EQ(check.rows, 20);
  EXPECT_TRUE(check.good()) << check.largest_difference;
  // A store that another teacher wrote in this one's name.
  train_member("b", 2);
  LabelsInfo info = Labels(path("labels")).info();
  fs::remove_all(path("labels"));
  LabelsWriter forger(path("labels"), info);
  const std::vector<float> wrong(static_cast<size_t>(info.samples * info.classes), 1.0F);
  for (int64_t view = 0; view < info.views; ++view) forger.write(0, view, wrong);
  forger.finish();
  EXPECT_FALSE(verify_labels(o, 20).good());
  o.samples = 30;
  expect_error([&] { verify_labels(o, 20); }, {"other samples"});
}

TEST_F(DistillTest, ViewsComeInAnOrderOfTheSeed) {
  TrainOptions o = options("any");
  o.views = 4;
  std::set<std::vector<int64_t>> orders;
  for (o.seed = 0; o.seed < 8; ++o.seed) {
    for (int64_t cycle = 0; cycle < 2; ++cycle) {
      std::vector<int64_t> order;
      for (int64_t i = 0; i < 4; ++i) order.push_back(view_of_epoch(o, 4 * cycle + i));
      orders.insert(order);
      std::sort(order.begin(), order.end());
      EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3}));
    }
  }
  EXPECT_GT(orders.size(), 4u);
  o.views = 0;
  EXPECT_EQ(view_of_epoch(o, 11), 11);
}

// A student whose loss does not care for the scale of its logits is calibrated; going on does it where it is missing.
TEST_F(DistillTest, AnOpenScaleIsCalibrated) {
  make_teacher();
  EXPECT_FALSE(train(student("plain", {.labels = path("labels")})).calibrated);
  EXPECT_FALSE(fs::exists(dir_ / "plain" / "calibration.json"));
  TrainOptions open = student("open", {.labels = path("labels"), .loss = "kd + kd_standardized:weight=9"});
  EXPECT_TRUE(train(open).calibrated);
  const std::string fitted = read_file(dir_ / "open" / "calibration.json");
  const DataSet data = open_data(data_);
  Model model(path("open"));
  const Predictions raw = predict(model, data, data.val);
  EXPECT_LT(evaluate(combine(model.combiner(), raw, "")).nll, evaluate(raw).nll);
  fs::remove(dir_ / "open" / "calibration.json");
  open.resume = true;
  EXPECT_TRUE(train(open).calibrated);
  EXPECT_EQ(read_file(dir_ / "open" / "calibration.json"), fitted);
}

}  // namespace
}  // namespace retort::test
