#include "retort/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "model/tiny_runs.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;

// Data, two runs and an ensemble of them, made once for each test.
class ModelTest : public testing::Test {
 protected:
  ModelTest() : data(open_data(test::write_idx_data(dir / "data", {.train = 60, .test = 20, .classes = 4}))) {
    a = test::write_run(dir / "a", data, {.seed = 1});
    b = test::write_run(dir / "b", data, {.seed = 2});
  }

  EnsembleOptions ensemble_options(const std::string& method = "mean_logits") const {
    return {.members = {a, b}, .method = method, .data = data.spec, .threads = 1, .out = (dir / "both").string()};
  }

  // Changes config.json of run b.
  void edit_config(const std::function<void(ModelConfig&)>& edit) {
    ModelConfig config = read_config(b);
    edit(config);
    write_config(b, config);
  }

  test::TempDir dir;
  DataSet data;
  std::string a, b;
};

std::vector<float> random_images(int64_t n, ImageShape shape) {
  Rng rng = stream(7, Purpose::sample);
  std::vector<float> images(static_cast<size_t>(n * shape.numel()));
  for (float& pixel : images) pixel = static_cast<float>(rng.normal());
  return images;
}

std::vector<float> logits_of(Model& model, const std::vector<float>& images, int64_t n) {
  std::vector<float> out(static_cast<size_t>(n * model.classes()));
  const float* const input = images.data();
  model.logits({&input, 1}, n, out.data());
  return out;
}

TEST_F(ModelTest, ARunIsAModelOfOneMember) {
  const Model model(a + "/");
  EXPECT_EQ(model.name(), "a");
  EXPECT_FALSE(model.is_ensemble());
  EXPECT_EQ(model.members(), 1);
  EXPECT_EQ(model.classes(), 4);
  EXPECT_EQ(model.precision(), "f32");
  EXPECT_EQ(model.member(0).hash, weights_hash(a));
  EXPECT_EQ(model.member(0).config.architecture, "resnet8_half");
  const Cost expected = cost(build_model("resnet8_half", 4, 1), {1, 12, 12});
  EXPECT_EQ(model.cost().parameters, expected.parameters);
  EXPECT_EQ(model.cost().macs, expected.macs);
  EXPECT_EQ(model.size_on_disk(),
            static_cast<int64_t>(fs::file_size(weights_path(a)) + fs::file_size(fs::path(a) / "config.json")));
}

TEST_F(ModelTest, LogitsAreTheNetworks) {
  Model model(a);
  std::vector<float> images = random_images(3, data.shape);
  Network network(build_model("resnet8_half", 4, 1), {.precision = Precision::f32});
  network.load(weights_path(a));
  const at::Tensor expected = network.forward(wrap_images(images.data(), 3, 1, 12, 12, network.device()), false);
  const std::vector<float> logits = logits_of(model, images, 3);
  ASSERT_EQ(expected.numel(), std::ssize(logits));
  const at::Tensor flat = expected.detach().contiguous();
  for (size_t i = 0; i < logits.size(); ++i) EXPECT_EQ(logits[i], flat.const_data_ptr<float>()[i]) << i;
}

TEST_F(ModelTest, AnEnsembleCombinesItsMembers) {
  const Ensemble fitted = fit_ensemble(ensemble_options());
  EXPECT_EQ(fitted.members.at(0).path, "../a");
  EXPECT_EQ(fitted.members.at(1).sha256, weights_hash(b));
  EXPECT_EQ(fitted.split, "");
  Model both((dir / "both").string()), first(a), second(b);
  EXPECT_TRUE(both.is_ensemble());
  EXPECT_EQ(both.members(), 2);
  EXPECT_EQ(both.cost().macs, 2 * first.cost().macs);
  EXPECT_EQ(both.size_on_disk(), first.size_on_disk() + second.size_on_disk() +
                                     static_cast<int64_t>(fs::file_size(dir / "both" / "ensemble.json")));
  const std::vector<float> images = random_images(5, data.shape);
  const auto x = logits_of(first, images, 5), y = logits_of(second, images, 5);
  const auto mean = logits_of(both, images, 5);
  for (size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(mean[i], (x[i] + y[i]) / 2, 1e-5);
}

TEST_F(ModelTest, EnsemblesKeepTheirFit) {
  for (const std::string method : {"weighted", "greedy", "stacking:l2=1"}) {
    const Ensemble fitted = fit_ensemble(ensemble_options(method));
    EXPECT_EQ(fitted.split, "val");
    EXPECT_EQ(fitted.data_hash, data.hash);
    Model model((dir / "both").string());
    EXPECT_EQ(model.members(), std::ssize(fitted.members));
    EXPECT_EQ(model.combiner().fitted(), fitted.fitted);
    const Metrics val = evaluate(combine(model.combiner(), predict(model, data, data.val), "both"));
    EXPECT_EQ(val.accuracy, fitted.val_accuracy);
    EXPECT_EQ(val.nll, fitted.val_nll);
  }
}

TEST_F(ModelTest, EnsemblesWriteOnlyMembersOfWeight) {
  EnsembleOptions options = ensemble_options("greedy:rounds=1");  // selects one member
  const Ensemble fitted = fit_ensemble(options);
  ASSERT_EQ(fitted.members.size(), 1u);
  EXPECT_EQ(fitted.weights(), std::vector<double>{1});
  const Model model((dir / "both").string());
  EXPECT_EQ(model.members(), 1);
}

TEST_F(ModelTest, EnsemblesAreCalibrated) {
  EnsembleOptions options = ensemble_options();
  options.calibration = "temperature";
  const Ensemble fitted = fit_ensemble(options);
  ASSERT_TRUE(fitted.calibration);
  EXPECT_EQ(fitted.split, "val");
  EXPECT_EQ(fitted.calibration->nll_before, fitted.val_nll);
  EXPECT_LE(fitted.calibration->nll_after, fitted.val_nll);
  Model model((dir / "both").string());
  const Metrics val = evaluate(combine(model.combiner(), predict(model, data, data.val), "both"));
  EXPECT_EQ(val.accuracy, fitted.val_accuracy);
  EXPECT_EQ(val.nll, fitted.calibration->nll_after);
  EXPECT_EQ(val.ece, fitted.calibration->ece_after);
  options.calibration = "temprature";
  expect_error([&] { fit_ensemble(options); }, {"did you mean 'temperature'?"}, Error::Kind::usage);
}

TEST_F(ModelTest, AnEnsembleMovesWithItsMembers) {
  fit_ensemble(ensemble_options());
  fs::create_directories(dir / "elsewhere");
  for (const char* name : {"a", "b", "both"}) fs::rename(dir / name, dir / "elsewhere" / name);
  EXPECT_EQ(Model((dir / "elsewhere" / "both").string()).members(), 2);
}

TEST_F(ModelTest, RefusesChangedMembers) {
  fit_ensemble(ensemble_options());
  const std::string both = (dir / "both").string();
  test::write_run(b, data, {.seed = 3});
  expect_error([&] { Model model(both); }, {"not those it was fitted with", "fit the ensemble again"});
  fs::remove_all(b);
  expect_error([&] { Model model(both); }, {"/b]", "does not exist", "run directory"});
}

TEST_F(ModelTest, RefusesMembersThatDisagree) {
  fit_ensemble(ensemble_options());
  edit_config([](ModelConfig& c) { c.label_names[2] = std::string(1, 'x'); });
  expect_error([&] { Model model((dir / "both").string()); }, {"label 2", "'x'"});
  edit_config([](ModelConfig& c) { c.label_names.pop_back(), c.num_classes = 3; });
  expect_error([&] { Model model((dir / "both").string()); }, {"model.safetensors"});
}

TEST_F(ModelTest, RefusesWhatIsNoModel) {
  expect_error([&] { Model model((dir / "nothing").string()); }, {"does not exist", "run directory", "ensemble"});
  expect_error([&] { Model model((dir / "data").string()); }, {"holds no model"});
  expect_error([&] { Model model(""); }, {"expected"});
  edit_config([](ModelConfig& c) { c.architecture = "resnet9000"; });
  expect_error([&] { Model model(b); }, {"resnet9000", "retort list models"});
  edit_config([](ModelConfig& c) { c.architecture = "resnet8_half", c.global_pool = "token"; });
  expect_error([&] { Model model(b); }, {"pooling 'token'", "expected 'avg'"});
  edit_config([](ModelConfig& c) { c.architecture = "resnet20", c.global_pool = ""; });
  expect_error([&] { Model model(b); }, {"model.safetensors"});
  fs::resize_file(weights_path(a), 1000);
  expect_error([&] { Model model(a); }, {"model.safetensors"});
  fs::remove(weights_path(a));
  expect_error([&] { Model model(a); }, {"not there", "finished run"});
  expect_error([&] { Model model(b, {.precision = "f8"}); }, {"f8"}, Error::Kind::usage);
}

TEST_F(ModelTest, RefusesImagesThatDoNotFit) {
  Model model(a);
  std::vector<float> out(400);
  const std::vector<float> images = random_images(1, data.shape);
  const float* const twice[] = {images.data(), images.data()};
  expect_error([&] { model.logits(twice, 1, out.data()); }, {"2 sets of images", "need 1"});
  expect_error([&] { model.logits({twice, 1}, 0, out.data()); }, {"0 images"});
}

// Members of other sizes and normalisations see the same samples, each in its own way.
TEST_F(ModelTest, EveryMemberHasItsOwnPreprocessing) {
  edit_config([](ModelConfig& c) { c.preprocess.mean[0] = 0.5, c.preprocess.std[0] = 0.25; });
  fit_ensemble(ensemble_options());
  Model both((dir / "both").string()), first(a), second(b);
  ASSERT_EQ(both.inputs().size(), 2u);
  EXPECT_EQ(both.inputs()[1].members, std::vector<int64_t>{1});
  EXPECT_EQ(both.inputs()[1].preprocess.mean, std::vector<double>{0.5});
  const PredictOptions view{.batch = 7, .augment = Augment("random_crop:padding=2,hflip"), .seed = 3, .view = 1};
  const Predictions p = predict(both, data, data.test, view);
  const Predictions x = predict(first, data, data.test, view), y = predict(second, data, data.test, view);
  EXPECT_TRUE(std::equal(x.logits.begin(), x.logits.end(), p.member(0).begin()));
  EXPECT_TRUE(std::equal(y.logits.begin(), y.logits.end(), p.member(1).begin()));
}

TEST_F(ModelTest, RefusesDataThatDoesNotFit) {
  const Model model(a);
  EXPECT_NO_THROW(model.check_fits(data));
  DataSet other = data;
  other.label_names.push_back("4");
  expect_error([&] { model.check_fits(other); }, {"number of classes is 4", "has 5"});
  other = data;
  other.label_names[1] = "one";
  expect_error([&] { model.check_fits(other); }, {"label 1", "'one'"});
  other = data;
  other.shape.channels = 3;
  EXPECT_NO_THROW(model.check_fits(other));  // colours become grey
  other.shape.channels = 2;
  expect_error([&] { model.check_fits(other); }, {"input channels is 1", "has 2"});
}

TEST_F(ModelTest, PredictionsKeepOrderAndNames) {
  fit_ensemble(ensemble_options());
  Model model((dir / "both").string());
  const Predictions p = predict(model, data, data.test, {.batch = 7});
  EXPECT_EQ(p.members, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(p.split, "test");
  EXPECT_EQ(p.data_hash, data.hash);
  ASSERT_EQ(p.samples, 20);
  for (int64_t i = 0; i < p.samples; ++i) {
    EXPECT_EQ(p.ids[static_cast<size_t>(i)], data.test.id(i));
    EXPECT_EQ(p.labels[static_cast<size_t>(i)], data.test.label(i));
  }
  Model first(a), second(b);
  const Predictions x = predict(first, data, data.test), y = predict(second, data, data.test);
  ASSERT_EQ(p.logits.size(), x.logits.size() + y.logits.size());
  for (size_t i = 0; i < x.logits.size(); ++i) {
    EXPECT_NEAR(p.logits[i], x.logits[i], 1e-4);
    EXPECT_NEAR(p.logits[x.logits.size() + i], y.logits[i], 1e-4);
  }
}

TEST_F(ModelTest, ViewsChangeWhatIsSeen) {
  Model model(a);
  const PredictOptions options{.augment = Augment("random_crop:padding=4,hflip"), .seed = 3, .view = 0};
  const Predictions plain = predict(model, data, data.test), view = predict(model, data, data.test, options);
  EXPECT_NE(plain.logits, view.logits);
  EXPECT_EQ(view.logits, predict(model, data, data.test, options).logits);
}

TEST_F(ModelTest, AStoppedPredictionKeepsWhatThereIs) {
  fit_ensemble(ensemble_options());
  Model model((dir / "both").string());
  int64_t told = 0;
  const Monitor monitor{.progress = [&](const Progress& p) { told = p.done; }, .stop = [&] { return told >= 10; }};
  const Predictions part = predict(model, data, data.test, {.batch = 5}, monitor);
  const Predictions whole = predict(model, data, data.test, {.batch = 5});
  ASSERT_EQ(part.samples, 10);
  EXPECT_EQ(part.ids.size(), 10u);
  EXPECT_EQ(part.labels.size(), 10u);
  for (int64_t m = 0; m < 2; ++m) {
    const auto x = part.member(m), y = whole.member(m);
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin())) << m;
  }
}

TEST_F(ModelTest, RefusesBadEnsembles) {
  const auto refused = [&](const std::vector<std::string>& words, const std::function<void(EnsembleOptions&)>& edit) {
    EnsembleOptions options = ensemble_options();
    edit(options);
    expect_error([&] { fit_ensemble(options); }, words, Error::Kind::usage);
    EXPECT_FALSE(fs::exists(dir / "both"));
  };
  refused({"1 members", "at least two"}, [](auto& o) { o.members.pop_back(); });
  refused({"given twice"}, [&](auto& o) { o.members[1] = a + "/../a/"; });
  refused({"'test'", "use val"}, [](auto& o) { o.split = "test"; });
  refused({"'train'", "use val"}, [](auto& o) { o.split = "train"; });
  refused({"mean_logit"}, [](auto& o) { o.method = "mean_logit"; });
  refused({"run directory"}, [&](auto& o) { o.out = a; });
  refused({"member and the output"}, [&](auto& o) { o.members[1] = o.out; });
  refused({"output directory"}, [](auto& o) { o.out = ""; });
  refused({"threads"}, [](auto& o) { o.threads = -1; });
  refused({"a file is in the way"}, [&](auto& o) { o.out = (fs::path(a) / "config.json").string(); });
}

TEST_F(ModelTest, AStoppedFitWritesNothing) {
  const Monitor stopped{.stop = [] { return true; }};
  expect_error([&] { fit_ensemble(ensemble_options(), stopped); }, {"stopped", "nothing was written"});
  EXPECT_FALSE(fs::exists(dir / "both"));
}

}  // namespace
}  // namespace retort
