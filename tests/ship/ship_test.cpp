// From a run to a checked file, and the file as a model among others.
#include "retort/ship.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/tiny_runs.h"
#include "retort/model.h"
#include "ship/check.h"
#include "support/expect_error.h"
#include "support/idx_files.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

using test::expect_error;
using test::TempDir;

class ShipTest : public testing::Test {
 protected:
  ShipTest() : spec_(test::write_idx_data(dir_ / "data", {.train = 300, .test = 30})), data_(open_data(spec_)) {
    test::write_run(dir_ / "a", data_, {.seed = 1});
    test::write_run(dir_ / "b", data_, {.seed = 2});
  }
  ShipOptions options(const std::string& out, const std::string& model = "a") const {
    return {.model = (dir_ / model).string(), .out = dir_ / out, .data = spec_, .samples = 64, .threads = 1};
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_.path())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string fit(const std::vector<std::string>& members, const std::string& out) const {
    EnsembleOptions o{.method = "mean_probabilities", .data = spec_, .threads = 1, .out = (dir_ / out).string()};
    for (const std::string& member : members) o.members.push_back((dir_ / member).string());
    fit_ensemble(o);
    return o.out;
  }
  Predictions test_answers(const std::string& path) const {
    Model model(path);
    return answers(model, data_.test, {});
  }
  double largest_difference(const std::string& a, const std::string& b) const {
    return check_same_answers("test", test_answers(a), test_answers(b), /*probabilities=*/false);
  }

  TempDir dir_;
  std::string spec_;
  DataSet data_;
};

TEST_F(ShipTest, WritesOneFileThatAnswersAsTheRunDoes) {
  const ShipResult r = ship(options("a.onnx"));
  EXPECT_EQ(r.samples, 64);
  EXPECT_EQ(r.split, "train");  // val has 30
  EXPECT_LT(r.largest_difference, 1e-4);
  EXPECT_EQ(r.size_on_disk, static_cast<int64_t>(fs::file_size(r.file)));
  EXPECT_EQ(entries(), (std::vector<std::string>{"a", "a.onnx", "b", "data"}));
  EXPECT_LT(largest_difference((dir_ / "a").string(), r.file.string()), 1e-4);
}

TEST_F(ShipTest, OpenVinosOwnFormatToo) {
  ShipOptions o = options("a.xml");
  o.format = "openvino";
  o.onnx.softmax = true;
  const ShipResult r = ship(o);
  EXPECT_EQ(entries(), (std::vector<std::string>{"a", "a.bin", "a.xml", "b", "data"}));
  EXPECT_LT(r.largest_difference, 1e-5);
  expect_error([&] { ship(o); }, {"a.xml", "exists"}, Error::Kind::usage);
}

TEST_F(ShipTest, AFileIsAMemberAmongOthers) {
  const std::string file = ship(options("a.onnx")).file.string();
  const std::string mixed = fit({"a.onnx", "b"}, "mixed"), native = fit({"a", "b"}, "native");
  const Model model(mixed);
  EXPECT_EQ(model.members(), 2);
  EXPECT_EQ(model.member(0).hash, load_ensemble(mixed).members[0].sha256);
  EXPECT_EQ(model.inputs().size(), 1);
  EXPECT_LT(largest_difference(native, mixed), 1e-4);
  fs::copy_file(ship(options("b.onnx", "b")).file, file, fs::copy_options::overwrite_existing);
  expect_error([&] { Model other(mixed); }, {"a.onnx", "fit the ensemble again"});
}

TEST_F(ShipTest, AWholeEnsembleIsOneFile) {
  const std::string ensemble = fit({"a", "b"}, "e");
  ShipOptions o = options("e.onnx", "e");
  o.data.clear();  // what it was fitted on
  const ShipResult r = ship(o);
  EXPECT_EQ(r.data, spec_);
  EXPECT_LT(largest_difference(ensemble, r.file.string()), 1e-4);
}

TEST_F(ShipTest, ACascadeIsNoOneGraph) {
  EnsembleOptions o{
      .data = spec_, .threads = 1, .cascade = "same", .cascade_cost = "macs", .out = (dir_ / "c").string()};
  o.members = {(dir_ / "a").string(), (dir_ / "b").string()};
  fit_ensemble(o);
  expect_error([&] { ship(options("c.onnx", "c")); }, {"cascade", "one by one"}, Error::Kind::usage);
  o.members[0] = ship(options("a.onnx")).file.string();
  o.out = (dir_ / "d").string();
  expect_error([&] { fit_ensemble(o); }, {"a.onnx", "multiply-adds", "measured"}, Error::Kind::usage);
}

TEST_F(ShipTest, LayoutsOfServersAndOfTheHub) {
  const auto laid_out = [&](const std::string& layout, const std::string& format) {
    ShipOptions o = options("out_" + layout);
    o.layout = layout, o.format = format;
    ship(o);
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(o.out)) {
      if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), o.out).string());
    }
    std::sort(files.begin(), files.end());
    return files;
  };
  using Files = std::vector<std::string>;
  EXPECT_EQ(laid_out("ovms", "openvino"), (Files{"1/model.bin", "1/model.xml"}));
  EXPECT_EQ(laid_out("triton", "onnx"), (Files{"1/model.onnx", "config.pbtxt", "labels.txt"}));
  EXPECT_EQ(laid_out("hf", "onnx"), (Files{"config.json", "model.onnx"}));
  const std::string config = read_file(dir_ / "out_triton" / "config.pbtxt");
  for (const char* line : {"name: \"out_triton\"", "\"onnxruntime\"", "dims: [ 1, 12, 12 ]", "dims: [ 10 ]"}) {
    EXPECT_NE(config.find(line), std::string::npos) << config;
  }
  EXPECT_EQ(read_config(dir_ / "out_hf").label_names, data_.label_names);
}

TEST_F(ShipTest, Int8KeepsAccuracyOrLayersInFloat) {
  ShipOptions o = options("a.onnx");
  o.precision = "int8";
  o.int8 = {.range = "minmax", .samples = 64, .max_loss = 1};
  const ShipResult r = ship(o);
  ASSERT_TRUE(r.int8);
  EXPECT_TRUE(r.int8->skipped.empty());
  EXPECT_EQ(r.int8->calibration_images, 64);
  ASSERT_EQ(r.int8->accuracy.size(), 2);
  EXPECT_EQ(r.int8->accuracy[0].split, "val");
  EXPECT_EQ(r.int8->accuracy[1].split, "test");
  EXPECT_GT(r.int8->accuracy[1].agreement, 0.9);
  EXPECT_EQ(r.int8->layers.size(), 10);  // resnet8_half's convolutions and its head
  EXPECT_EQ(Model(r.file.string()).precision(), "int8");
  EXPECT_EQ(entries(), (std::vector<std::string>{"a", "a.onnx", "b", "data"}));
}

TEST_F(ShipTest, Int8TakesTheRangesOfATraining) {
  test::write_run(dir_ / "plain", data_, {.seed = 3});
  for (const char* name : {"a", "b"}) {
    const fs::path weights = weights_path(dir_ / name);
    Network network(build_model("resnet8_half", 10, 1), {.precision = Precision::f32, .fill = false});
    network.load(weights);
    network.quantise();
    std::vector<float> images(16 * 144);
    for (size_t i = 0; i < images.size(); ++i) images[i] = static_cast<float>(i % 255) / 255 - 0.5F;
    network.forward(wrap_images(images.data(), 16, 1, 12, 12, at::kCPU), /*training=*/true);
    network.save(weights);
  }
  ShipOptions o = options("a.onnx");
  o.precision = "int8";
  o.int8.max_loss = 1;
  ShipResult r = ship(o);
  EXPECT_EQ(r.int8->calibration_images, 0);
  ASSERT_TRUE(r.int8->trained);
  EXPECT_LT(r.int8->trained->largest_difference, 0.05);
  fit({"a", "b"}, "both"), fit({"a", "plain"}, "mixed");
  o.model = (dir_ / "both").string(), o.out = dir_ / "both.onnx";
  EXPECT_TRUE(ship(o).int8->trained);
  o.model = (dir_ / "mixed").string(), o.out = dir_ / "mixed.onnx";
  r = ship(o);
  EXPECT_FALSE(r.int8->trained);
  EXPECT_EQ(r.int8->calibration_images, data_.train.size());  // fewer than asked for
}

TEST_F(ShipTest, Int8NeedsImagesThatTellSomething) {
  ShipOptions o = options("a.onnx");
  o.precision = "int8";
  o.int8.samples = 31;
  expect_error([&] { ship(o); }, {"31 calibration images", "32"}, Error::Kind::usage);
  o.int8.samples = 64;
  o.int8.range = "middle";
  expect_error([&] { ship(o); }, {"middle", "minmax"}, Error::Kind::usage);
  o.int8.range = "entropy";
  o.precision = "int4";
  expect_error([&] { ship(o); }, {"int4", "int8"}, Error::Kind::usage);
  o.precision = "int8";
  o.data = test::write_idx_data(dir_ / "grey", {.train = 300, .test = 30});
  write_file(dir_ / "grey" / "train-images-idx3-ubyte", test::idx_images(300, 12, 12, std::string(300 * 144, 'g')));
  expect_error([&] { ship(o); }, {"of one value", "real images"});
  EXPECT_EQ(entries(), (std::vector<std::string>{"a", "b", "data", "grey"}));
}

/// Folders of cats and dogs, `pets`, and a run for them.
class PetsTest : public ShipTest {
 protected:
  const std::string grey_ = "png-gray-28.png", colour_ = "png-rgb-small.png";
  // `count` copies of one image a class.
  void put(const std::string& split, int count, const std::string& cat, const std::string& dog) const {
    for (const auto& [label, image] : {std::pair{"cat", cat}, std::pair{"dog", dog}}) {
      const fs::path to = dir_ / "pets" / split / label;
      fs::create_directories(to);
      for (int i = 0; i < count; ++i) fs::copy_file(fs::path(RETORT_GOLDEN) / "images" / image, to / str(i, ".png"));
    }
  }
  ShipOptions int8() const {
    const DataSet pets = open_data(str("folder:", (dir_ / "pets").string()));
    const Network network(build_model("resnet8_half", 2, 3), {});
    ModelConfig config = test::config_for(pets, network.graph());
    config.preprocess.size = {3, 12, 12};
    write_config(dir_ / "run", config);
    network.save(weights_path(dir_ / "run"));
    ShipOptions o = options("pets.onnx", "run");
    o.data = pets.spec;
    o.precision = "int8";
    o.int8.max_loss = 1;
    return o;
  }
};

TEST_F(PetsTest, Int8LeavesBrokenImagesOutOfEverySplit) {
  for (const char* split : {"train", "val", "test"}) {
    put(split, 40, grey_, colour_);
    write_file(dir_ / "pets" / split / "cat" / "broken.png", "x");
  }
  ShipOptions o = int8();
  expect_error([&] { ship(o); }, {"broken.png"});
  o.skip_broken = true;
  const ShipResult r = ship(o);
  EXPECT_EQ(r.int8->calibration_images, 80);
  EXPECT_EQ(r.int8->accuracy.at(0).samples, 80);
  EXPECT_EQ(r.int8->accuracy.at(1).samples, 80);
}

TEST_F(PetsTest, Int8NeedsEnoughCalibrationImagesThatDiffer) {
  for (const char* split : {"val", "test"}) put(split, 40, grey_, colour_);
  put("train", 15, grey_, colour_);
  expect_error([&] { ship(int8()); }, {"30 images of train", "at least 32"}, Error::Kind::failure);
  fs::remove_all(dir_ / "pets" / "train");
  put("train", 40, grey_, grey_);
  expect_error([&] { ship(int8()); }, {"all the same", "real images"}, Error::Kind::failure);
  EXPECT_EQ(entries(), (std::vector<std::string>{"a", "b", "data", "pets", "run"}));
}

TEST_F(ShipTest, WhatIsThereIsNotReplaced) {
  const auto refused = [&](ShipOptions o, const std::string& format, const std::string& layout,
                           const std::string& name) {
    o.format = format, o.layout = layout;
    write_file(dir_ / name, "mine");
    expect_error([&] { ship(o); }, {name, "exists"}, Error::Kind::usage);
    EXPECT_EQ(read_file(dir_ / name), "mine");
  };
  refused(options("there.onnx"), "onnx", "", "there.onnx");
  refused(options("there.xml"), "openvino", "", "there.xml");
  refused(options("other.xml"), "openvino", "", "other.bin");
  refused(options("directory"), "onnx", "triton", "directory");
}

TEST_F(ShipTest, BadOptionsLeaveNothing) {
  const std::vector<std::string> before = entries();
  const auto refused = [&](const ShipOptions& o, const std::vector<std::string>& words) {
    expect_error([&] { ship(o); }, words, Error::Kind::usage);
    EXPECT_EQ(entries(), before);
  };
  refused(options("a.bin"), {"a.bin", ".onnx"});
  refused(options("a"), {".onnx"});
  ShipOptions o = options("a.onnx");
  o.samples = 63;
  refused(o, {"63 samples", "64"});
  o = options("a.onnx");
  o.format = "tflite";
  refused(o, {"tflite", "openvino"});
  o = options("directory");
  o.layout = "kserve";
  refused(o, {"kserve", "triton"});
  o = options("a.onnx");
  o.data.clear();
  refused(o, {"--data"});  // these runs were never trained
  o = options("a.onnx", "not_there");
  expect_error([&] { ship(o); }, {"not_there"});
  EXPECT_EQ(entries(), before);
}

TEST_F(ShipTest, StoppedItLeavesNothing) {
  const std::vector<std::string> before = entries();
  expect_error([&] { ship(options("a.onnx"), {.stop = [] { return true; }}); }, {"stopped"});
  EXPECT_EQ(entries(), before);
}

TEST(CheckSameAnswers, SeesADifferenceAndAChangedDecision) {
  Predictions a{.members = {"m"}, .samples = 2, .classes = 2, .logits = {1, 0, 0, 1}};
  Predictions b = a;
  EXPECT_EQ(check_same_answers("x", a, b, false), 0);
  b.logits[0] += 2e-3F;
  expect_error([&] { check_same_answers("x", a, b, false); }, {"[x]", "0 of 2 decisions", "nothing was written"});
  EXPECT_LT(check_same_answers("x", a, b, true), 1e-3);  // of the probability less
  b = a;
  a.logits = {0, 1e-5F, 0, 1};
  b.logits = {1e-5F, 0, 0, 1};
  expect_error([&] { check_same_answers("x", a, b, false); }, {"1 of 2 decisions"});
}

}  // namespace
}  // namespace retort
