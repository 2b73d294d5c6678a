// Ensembles within ensembles, and calibrations of runs and ensembles.
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "model/tiny_runs.h"
#include "retort/model.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;

// Logits less their row's first one; calibrations may add a constant to a row.
std::vector<float> relative(std::vector<float> logits, size_t classes) {
  for (size_t row = 0; row < logits.size(); row += classes) {
    for (size_t k = classes; k-- > 0;) logits[row + k] -= logits[row];
  }
  return logits;
}

void expect_scaled(const std::vector<float>& logits, double scale, const std::vector<float>& expected) {
  ASSERT_EQ(logits.size(), expected.size());
  const std::vector<float> a = relative(logits, 4), b = relative(expected, 4);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i] * scale, b[i], 1e-5);
}

class NestedTest : public testing::Test {
 protected:
  NestedTest() : data(open_data(test::write_idx_data(dir / "data", {.train = 200, .test = 20, .classes = 4}))) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      runs.push_back(test::write_run(dir / str("run", seed), data, {.seed = seed}));
    }
    fit({runs[0], runs[1]}, "mean_probabilities", "inner");
  }

  std::string path(const std::string& name) const { return (dir / name).string(); }
  Ensemble fit(const std::vector<std::string>& members, const std::string& method, const std::string& out) const {
    return fit_ensemble({.members = members, .method = method, .data = data.spec, .threads = 1, .out = path(out)});
  }
  Calibration calibrate(const std::string& model, const std::string& method = "temperature") const {
    return calibrate_model({.path = model, .method = method, .data = data.spec, .threads = 1});
  }
  Predictions answers(const std::string& model, const std::string& split = "test") const {
    Model m(model);
    return combine(m.combiner(), predict(m, data, data.split(split)), "answers");
  }

  test::TempDir dir;
  DataSet data;
  std::vector<std::string> runs;
};

TEST_F(NestedTest, AnEnsembleIsAMemberByItsOneAnswer) {
  const Ensemble outer = fit({path("inner"), runs[2]}, "mean_logits", "outer");
  EXPECT_EQ(outer.members.at(0).path, "../inner");
  Model model(path("outer"));
  EXPECT_EQ(model.members(), 3);
  const Predictions inner = answers(path("inner")), third = answers(runs[2]), both = answers(path("outer"));
  for (size_t i = 0; i < both.logits.size(); ++i) {
    EXPECT_NEAR(both.logits[i], (inner.logits[i] + third.logits[i]) / 2, 1e-5);
  }
}

TEST_F(NestedTest, AFitSeesOneColumnForAnEnsemble) {
  const Ensemble outer = fit({path("inner"), runs[2]}, "class_weighted:l2=1", "outer");
  const Model model(path("outer"));
  EXPECT_EQ(model.members(), 3);
  EXPECT_EQ(outer.members.size(), 2u);
  EXPECT_NEAR(evaluate(answers(path("outer"), "val")).nll, outer.val_nll, 1e-5);
}

TEST_F(NestedTest, AnInnerEnsembleThatWasFittedAgainIsRefused) {
  fit({path("inner"), runs[2]}, "mean_logits", "outer");
  fit({runs[0], runs[1]}, "mean_logits", "inner");
  expect_error([&] { Model model(path("outer")); }, {"inner", "fitted again since"});
}

// An ensemble could hold itself, were its file copied into its member's.
TEST_F(NestedTest, NestingEndsSomewhere) {
  std::string below = path("inner");
  for (int depth = 2; depth <= 8; ++depth) {
    fit({below, runs[2]}, "mean_logits", str("deep", depth));
    below = path(str("deep", depth));
  }
  EXPECT_EQ(Model(below).members(), 9);
  fit({below, runs[0]}, "mean_logits", "deepest");
  expect_error([&] { Model model(path("deepest")); }, {"more than 8 deep"});
}

// What networks that have seen val say of it is worth nothing.
TEST_F(NestedTest, FitsUseWhatFoldsSaidOfSamplesTheyHaveNotSeen) {
  Predictions folds{{"folds"}, 0, 4, "val", data.hash, {}, {}, {}};
  for (const Samples* samples : {&data.train, &data.val}) {
    for (int64_t i = 0; i < samples->size(); ++i) {
      folds.ids.push_back(samples->id(i));
      folds.labels.push_back(samples->label(i));
      for (int64_t c = 0; c < 4; ++c) folds.logits.push_back(c == samples->label(i) ? 5.0F : 0.0F);  // always right
      ++folds.samples;
    }
  }
  save_predictions(dir / "inner" / "out_of_fold", folds);
  const Ensemble mixed = fit({path("inner"), runs[2]}, "weighted", "outer");
  EXPECT_EQ(mixed.members.size(), 1u);  // the untrained network got no weight
  EXPECT_EQ(mixed.val_accuracy, 1);
  const Calibration c = calibrate(path("inner"));
  EXPECT_NEAR(c.nll_before, std::log1p(3 * std::exp(-5.0)), 1e-6);
  fs::copy(dir / "inner", dir / "other", fs::copy_options::recursive);
  fit({path("inner"), path("other")}, "weighted", "both");  // on train and val
  std::vector<int64_t> some;  // networks that were trained on a subset: neither has all samples of the other
  for (int64_t i = 10; i + 1 < folds.samples; ++i) some.push_back(i);
  save_predictions(dir / "inner" / "out_of_fold", folds.select(some));
  EXPECT_EQ(fit({path("inner"), runs[2]}, "mean_logits", "subset").members.size(), 2u);
  some.resize(5);  // of train alone
  save_predictions(dir / "inner" / "out_of_fold", folds.select(some));
  expect_error([&] { fit({path("inner"), runs[2]}, "mean_logits", "never"); }, {"no sample in common"});
  folds.data_hash = "another";
  save_predictions(dir / "inner" / "out_of_fold", folds);
  expect_error([&] { fit({path("inner"), runs[2]}, "mean_logits", "never"); }, {"other data"});
}

TEST_F(NestedTest, ACalibratedRunAnswersWithItsCalibration) {
  const Predictions before = answers(runs[0], "val");
  const Calibration c = calibrate(runs[0]);
  const double scale = 1 / c.fitted.begin()->second.values.at(0);
  const Predictions after = answers(runs[0], "val");
  expect_scaled(before.logits, scale, after.logits);
  EXPECT_NEAR(evaluate(before).nll, c.nll_before, 1e-9);
  EXPECT_NEAR(evaluate(after).nll, c.nll_after, 1e-6);
  EXPECT_LE(c.nll_after, c.nll_before);
  Model model(runs[0]);
  const std::vector<float> image(static_cast<size_t>(data.shape.numel()), 0.5F);
  const float* const input = image.data();
  std::vector<float> alone(4), raw(4);
  model.logits({&input, 1}, 1, alone.data());
  model.member_logits({&input, 1}, 1, raw.data());
  expect_scaled(raw, scale, alone);
}

TEST_F(NestedTest, ACalibrationIsFittedAnewAndOfTheRunAlone) {
  const Calibration first = calibrate(runs[0]), second = calibrate(runs[0]);
  EXPECT_EQ(first.fitted, second.fitted);
  EXPECT_EQ(first.nll_before, second.nll_before);
  // As a member it counts by its own logits, as it did before.
  const Predictions raw0 = predict(*std::make_unique<Model>(runs[0]), data, data.test);
  fit({runs[0], runs[1]}, "mean_logits", "plain");
  const Predictions raw1 = answers(runs[1]), both = answers(path("plain"));
  for (size_t i = 0; i < both.logits.size(); ++i) {
    EXPECT_NEAR(both.logits[i], (raw0.logits[i] + raw1.logits[i]) / 2, 1e-5);
  }
}

TEST_F(NestedTest, AnEnsembleKeepsItsCalibrationWithItself) {
  const Predictions before = answers(path("inner"), "val");
  const Calibration first = calibrate(path("inner"), "vector_scaling"), again = calibrate(path("inner"));
  EXPECT_NEAR(first.nll_before, evaluate(before).nll, 1e-9);
  EXPECT_EQ(again.nll_before, first.nll_before);  // the older calibration does not count
  const Ensemble e = load_ensemble(path("inner"));
  ASSERT_TRUE(e.calibration);
  EXPECT_EQ(e.calibration->spec, "temperature");
  EXPECT_NEAR(evaluate(answers(path("inner"), "val")).nll, again.nll_after, 1e-6);
}

TEST_F(NestedTest, ViewsAreCombinedLikeMembers) {
  Model model(path("inner"));
  const Predictions plain = answers(path("inner"));
  EXPECT_EQ(predict_views(model, data.test).logits, plain.logits);
  const Predictions mirrored =
      combine(model.combiner(), predict(model, data.test, {.augment = Augment("hflip:p=1"), .view = 0}), "mirrored");
  const Predictions two = predict_views(model, data.test, {.views = 2, .combiner = "mean_logits"});
  EXPECT_EQ(two.count(), 1);
  for (size_t i = 0; i < two.logits.size(); ++i) {
    EXPECT_NEAR(two.logits[i], (plain.logits[i] + mirrored.logits[i]) / 2, 1e-5);
  }
  const ViewsOptions drawn{.views = 3, .augment = "random_crop:padding=2", .seed = 1};
  EXPECT_EQ(predict_views(model, data.test, drawn).logits, predict_views(model, data.test, drawn).logits);
  const auto refused = [&](const ViewsOptions& o, const std::vector<std::string>& words) {
    expect_error([&] { predict_views(model, data.test, o); }, words, Error::Kind::usage);
  };
  refused({.views = 0}, {"at least 1"});
  refused({.views = 3}, {"--augment"});
  refused({.views = 2, .combiner = "weighted"}, {"has to be fitted"});
}

TEST_F(NestedTest, RefusesToCalibrate) {
  expect_error([&] { calibrate(runs[0], "temperatur"); }, {"temperature"}, Error::Kind::usage);
  expect_error([&] { calibrate("hf-hub:timm/resnet18.a1_in1k"); }, {"hub"}, Error::Kind::usage);
  expect_error([&] { calibrate(path("nothing")); }, {"does not exist"});
  calibrate(runs[0]);
  fs::copy_file(weights_path(runs[1]), weights_path(runs[0]), fs::copy_options::overwrite_existing);
  expect_error([&] { Model model(runs[0]); }, {"calibration.json", "calibrate it again"});
}

}  // namespace
}  // namespace retort
