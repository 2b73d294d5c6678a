// Whole files: ensembles with each combiner inside, pixels and probabilities, what the file says, what is refused.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "export/exported.h"
#include "retort/ensemble.h"
#include "support/expect_error.h"

namespace retort {
namespace {

using namespace test;

constexpr int64_t kClasses = 5, kImages = 40;
const ImageShape kSize{3, 16, 16};

/// Three untrained runs with their answers to some images.
class Runs : public testing::Test {
 protected:
  struct Run {
    fs::path directory;
    std::string hash;
    std::vector<float> logits;
  };

  const Run& make(const std::string& name, const std::string& model, double mean = 0.4) {
    Network network(without_init(build_model(model, kClasses, 3)), {});
    ModelConfig config = config_of(network.graph(), kSize);
    config.preprocess.mean.assign(3, mean);
    config.label_names = {"a", "b", "c d", "e", "f"};
    const fs::path directory = test::write_run(dir_ / name, network, config);
    runs_.push_back({directory, weights_hash(directory), torch_logits(network, seen(mean), kImages, kSize)});
    return runs_.back();
  }
  /// The images as a network of this mean sees them: pixels are images_ * 0.2 + 0.4, of a deviation of 0.2.
  std::vector<float> seen(double mean) const {
    std::vector<float> out = images_;
    for (float& x : out) x += static_cast<float>((0.4 - mean) / 0.2);
    return out;
  }
  Predictions predictions() const {
    Predictions p{.samples = kImages, .classes = kClasses, .split = "val"};
    for (const Run& run : runs_) {
      p.members.push_back(run.directory.filename().string());
      p.logits.insert(p.logits.end(), run.logits.begin(), run.logits.end());
    }
    for (int64_t i = 0; i < kImages; ++i) p.ids.push_back(static_cast<uint64_t>(i)), p.labels.push_back(i % kClasses);
    return p;
  }
  /// Writes an ensemble of all runs and returns its combiner.
  std::unique_ptr<Combiner> fit(const std::string& name, const std::string& combiner, const std::string& calibration) {
    const Predictions val = predictions();
    Ensemble ensemble{.combiner = combiner, .data = "idx:nowhere", .data_hash = "none", .split = "val"};
    for (const Run& run : runs_) ensemble.members.push_back({run.directory.string(), run.hash});
    const auto fitted = fit_combiner(combiner, val, 1);
    ensemble.fitted = fitted->fitted();
    if (!calibration.empty()) {
      const auto calibrated = fit_calibration(calibration, combine(*fitted, val, "all"), 1);
      ensemble.calibration = Calibration{calibration, calibrated->fitted(), "idx:nowhere", "none"};
    }
    save_ensemble(dir_ / name, ensemble);
    return ensemble.make();
  }
  std::vector<float> combined(const Combiner& combiner) const {
    const Predictions p = predictions();
    std::vector<float> out(kImages * kClasses);
    combiner.combine({p.logits.data(), p.count(), p.samples, p.classes}, out.data());
    return out;
  }
  Session exported(const std::string& model, const OnnxOptions& options = {}) {
    const fs::path file = dir_ / "exported.onnx";
    OnnxExport((dir_ / model).string(), options).write(file);
    return Session(file, {.threads = 1});
  }

  TempDir dir_;
  std::vector<float> images_ = some_images(kImages, kSize);
  std::vector<Run> runs_;
};

TEST_F(Runs, EveryCombinerAndCalibrationThatHasNodes) {
  make("a", "resnet8_half"), make("b", "resnet8_half", 0.5), make("c", "vgg8");
  const std::vector<std::pair<std::string, std::string>> all{
      {"mean_logits", ""},
      {"mean_probabilities", "temperature"},
      {"weighted", "vector_scaling"},
      {"greedy:metric=nll", ""},
      {"bma", ""},
      {"tempered", "dirichlet"},
      {"class_weighted", ""},
      {"stacking", ""},
  };
  for (const auto& [combiner, calibration] : all) {
    SCOPED_TRACE(combiner + " " + calibration);
    const auto made = fit("e", combiner, calibration);
    Session session = exported("e");
    EXPECT_LT(relative_error(session_logits(session, images_, kImages), combined(*made)), 1e-4);
  }
}

TEST_F(Runs, CombinersWithoutNodesAreRefusedByName) {
  make("a", "resnet8_half"), make("b", "resnet8_half");
  for (const char* combiner : {"majority_vote", "rank_average"}) {
    fit("e", combiner, "");
    expect_error([&] { exported("e"); }, {combiner, "mean_logits", "stacking"}, Error::Kind::usage);
  }
  fit("e", "mean_logits", "isotonic");
  expect_error([&] { exported("e"); }, {"isotonic", "temperature"}, Error::Kind::usage);
  EXPECT_FALSE(fs::exists(dir_ / "exported.onnx"));
}

TEST_F(Runs, AnEnsembleWithinAnEnsembleAndARunsOwnCalibration) {
  make("a", "resnet8_half"), make("b", "resnet8_half", 0.5);
  const auto inner = fit("inner", "weighted", "temperature");
  const std::vector<float> answer = combined(*inner);
  Ensemble outer{.combiner = "mean_logits", .data = "idx:nowhere", .data_hash = "none"};
  outer.members = {{(dir_ / "inner").string(), sha256_file(dir_ / "inner" / "ensemble.json")},
                   {runs_[0].directory.string(), runs_[0].hash}};
  save_ensemble(dir_ / "outer", outer);
  std::vector<float> expected;
  for (size_t i = 0; i < answer.size(); ++i) expected.push_back((answer[i] + runs_[0].logits[i]) / 2);
  Session session = exported("outer");
  EXPECT_LT(relative_error(session_logits(session, images_, kImages), expected), 1e-4);

  const Calibration calibration{"temperature", {{"temperatures", {{1}, {2.0}}}}, "idx:nowhere", "none"};
  save_calibration(runs_[0].directory, calibration, runs_[0].hash);
  std::vector<float> halved(answer.size());
  calibration.make()->combine({runs_[0].logits.data(), 1, kImages, kClasses}, halved.data());
  Session run = exported("a");
  EXPECT_LT(relative_error(session_logits(run, images_, kImages), halved), 1e-4);
}

TEST_F(Runs, ProbabilitiesAndPixels) {
  make("a", "resnet8_half");
  Session session = exported("a", {.softmax = true, .uint8 = true});
  std::vector<float> pixels, floats;
  for (size_t i = 0; i < images_.size(); ++i) {
    pixels.push_back(static_cast<float>((i * 37) % 256));
    floats.push_back((pixels.back() / 255 - 0.4F) / 0.2F);
  }
  Network network(build_model("resnet8_half", kClasses, 3), {.fill = false});
  network.load(weights_path(runs_[0].directory));
  const std::vector<float> expected = torch_logits(network, floats, kImages, kSize);
  const std::vector<float> logits = session_logits(session, pixels, kImages);
  for (size_t i = 0; i < logits.size(); ++i) {  // which differ by the sample's log-sum-exp
    const size_t first = i - i % kClasses;
    EXPECT_NEAR(logits[i] - logits[first], expected[i] - expected[first], 1e-3);
  }
  EXPECT_EQ(session.config().preprocess.mean, std::vector<double>(3, 0.0));
}

TEST_F(Runs, TheFileSaysWhatItIsAndIsTheSameTwice) {
  make("a", "resnet8_half"), make("b", "vgg8");
  fit("e", "weighted", "temperature");
  OnnxExport((dir_ / "e").string()).write(dir_ / "one.onnx");
  const OnnxExport again((dir_ / "e").string());
  again.write(dir_ / "two.onnx");
  EXPECT_EQ(read_file(dir_ / "one.onnx"), read_file(dir_ / "two.onnx"));
  EXPECT_EQ(again.facts().data, "idx:nowhere");
  write_openvino(dir_ / "one.onnx", dir_ / "one.xml");
  for (const char* name : {"one.onnx", "one.xml"}) {
    SCOPED_TRACE(name);
    Session session(dir_ / name, {.threads = 1});
    const ModelConfig& config = session.config();
    EXPECT_EQ(config.label_names, (std::vector<std::string>{"a", "b", "c d", "e", "f"}));
    EXPECT_EQ(config.preprocess, config_of(build_model("vgg8", kClasses, 3), kSize).preprocess);
    const Json provenance = parse_json("provenance", session.provenance());
    EXPECT_EQ(provenance.at("combiner"), "weighted");
    EXPECT_EQ(provenance.at("calibration"), "temperature");
    ASSERT_EQ(provenance.at("members").size(), 2);
    EXPECT_EQ(provenance.at("members")[1].at("sha256"), runs_[1].hash);
    EXPECT_EQ(provenance.at("members")[1].at("architecture"), "vgg8");
  }
  EXPECT_NE(read_file(dir_ / "one.xml").find("a b c_d e f"), std::string::npos);
}

TEST_F(Runs, MembersThatDoNotBelongTogetherAreRefused) {
  make("a", "resnet8_half"), make("b", "vgg8");
  fit("e", "mean_logits", "");
  ModelConfig config = read_config(dir_ / "b");
  config.preprocess.size.height = config.preprocess.size.width = 32;
  write_config(dir_ / "b", config);
  expect_error([&] { exported("e"); }, {"16 x 16", "32 x 32", "one by one"}, Error::Kind::usage);
  fs::copy_file(dir_ / "a" / "model.safetensors", dir_ / "b" / "model.safetensors",
                fs::copy_options::overwrite_existing);
  expect_error([&] { exported("e"); }, {"fit the ensemble again"}, Error::Kind::failure);
}

TEST_F(Runs, TheBestOfARunIsOfTheRunsData) {
  make("a", "resnet8_half"), make("a/best", "resnet8_half");
  Json run{{"retort_run", 1}, {"options", {{"data", "idx:there"}}}, {"data_hash", "x"}, {"teachers", Json::array()}};
  write_file(dir_ / "a" / "run.json", run.dump());
  for (const char* model : {"a", "a/best"}) EXPECT_EQ(OnnxExport((dir_ / model).string()).facts().data, "idx:there");
  run["retort_run"] = 99;
  write_file(dir_ / "a" / "run.json", run.dump());
  for (const char* model : {"a", "a/best"}) expect_error([&] { exported(model); }, {"run.json", "99"});
}

TEST_F(Runs, DamagedRunsAreRefusedAndLeaveNothing) {
  make("a", "resnet8_half");
  ModelConfig config = read_config(dir_ / "a");
  config.label_names.clear();
  config.num_classes = 7;
  write_config(dir_ / "a", config);
  expect_error([&] { exported("a"); }, {"another shape"}, Error::Kind::failure);
  config.architecture = "resnet9000";
  write_config(dir_ / "a", config);
  expect_error([&] { exported("a"); }, {"resnet9000"}, Error::Kind::failure);
  fs::remove(dir_ / "a" / "model.safetensors");
  expect_error([&] { exported("a"); }, {"model.safetensors"}, Error::Kind::failure);
  EXPECT_FALSE(fs::exists(dir_ / "exported.onnx"));
}

}  // namespace
}  // namespace retort
