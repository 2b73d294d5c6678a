#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "retort/weights.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace retort {
namespace {

ModelConfig grey_config() {
  return {.architecture = "resnet18",
          .num_classes = 3,
          .num_features = 512,
          .preprocess = {.size = {1, 28, 28}, .crop_pct = 1, .mean = {0.2860406}, .std = {0.3530242}},
          .label_names = {"shirt", "coat", "bag"},
          .first_conv = "conv1",
          .classifier = "fc"};
}

// What timm 1.0.31's save_config_for_hf writes for a resnet18 of its own.
constexpr const char* kTimmFile = R"({
  "architecture": "resnet18", "num_classes": 1000, "num_features": 512, "global_pool": "avg",
  "model_args": {"num_classes": 1000, "in_chans": 3, "global_pool": "avg"},
  "pretrained_cfg": {
    "tag": "a1_in1k", "custom_load": false, "input_size": [3, 224, 224], "test_input_size": [3, 288, 288],
    "fixed_input_size": false, "interpolation": "bicubic", "crop_pct": 0.95, "test_crop_pct": 1.0,
    "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 1000,
    "pool_size": [7, 7], "first_conv": "conv1", "classifier": "fc", "license": "apache-2.0"}})";

// The message of reading a config.json with this text.
std::string read_error(const std::string& text) {
  const test::TempDir directory;
  write_file(directory / "config.json", text);
  try {
    read_config(directory.path());
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// The same after one edit of a good file.
std::string edited(const std::function<void(Json&)>& edit) {
  Json json = Json::parse(kTimmFile);
  edit(json);
  return read_error(json.dump());
}

TEST(Config, ComesBackAsItWas) {
  const test::TempDir directory;
  const ModelConfig in = grey_config();
  write_config(directory.path(), in);
  const ModelConfig out = read_config(directory.path());
  EXPECT_EQ(out.architecture, in.architecture);
  EXPECT_EQ(out.num_classes, in.num_classes);
  EXPECT_EQ(out.num_features, in.num_features);
  EXPECT_EQ(out.preprocess, in.preprocess);
  EXPECT_EQ(out.label_names, in.label_names);
  EXPECT_EQ(out.first_conv, in.first_conv);
  EXPECT_EQ(out.classifier, in.classifier);
}

// timm names both classifiers of a distilled transformer.
TEST(Config, MayNameTwoClassifiers) {
  const test::TempDir directory;
  ModelConfig config = grey_config();
  config.distill_classifier = "fc_dist";
  write_config(directory.path(), config);
  const std::string text = read_file(directory / "config.json");
  EXPECT_EQ(Json::parse(text).at("pretrained_cfg").at("classifier"), (Json{"fc", "fc_dist"}));
  EXPECT_EQ(read_config(directory.path()).distill_classifier, "fc_dist");
  Json three = Json::parse(text);
  three["pretrained_cfg"]["classifier"] = {"a", "b", "c"};
  write_file(directory / "config.json", three.dump());
  test::expect_error([&] { read_config(directory.path()); }, {"classifier has 3 names"});
}

TEST(Config, IsWrittenUnderTimmsKeys) {
  const test::TempDir directory;
  write_config(directory.path(), grey_config());
  EXPECT_EQ(Json::parse(read_file(directory / "config.json")), Json::parse(R"({
    "architecture": "resnet18", "num_classes": 3, "num_features": 512, "global_pool": "avg",
    "label_names": ["shirt", "coat", "bag"], "model_args": {"in_chans": 1},
    "pretrained_cfg": {
      "tag": "", "custom_load": false, "input_size": [1, 28, 28], "fixed_input_size": false,
      "interpolation": "bicubic", "crop_pct": 1.0, "crop_mode": "center", "mean": [0.2860406], "std": [0.3530242],
      "num_classes": 3, "pool_size": null, "first_conv": "conv1", "classifier": "fc"}})"));
}

TEST(Config, ThreeChannelsNeedNoModelArguments) {
  const test::TempDir directory;
  ModelConfig config = grey_config();
  config.preprocess.size.channels = 3;
  config.preprocess.mean = config.preprocess.std = {0.5, 0.5, 0.5};
  config.label_names.clear();
  write_config(directory.path(), config);
  const Json json = Json::parse(read_file(directory / "config.json"));
  EXPECT_FALSE(json.contains("model_args"));
  EXPECT_FALSE(json.contains("label_names"));
  EXPECT_EQ(read_config(directory.path()).preprocess.size.channels, 3);
}

TEST(Config, ReadsTimmsOwnFile) {
  const test::TempDir directory;
  write_file(directory / "config.json", kTimmFile);
  const ModelConfig config = read_config(directory.path());
  EXPECT_EQ(config.architecture, "resnet18");
  EXPECT_EQ(config.num_classes, 1000);
  EXPECT_EQ(config.preprocess.size, (ImageShape{3, 224, 224}));
  EXPECT_EQ(config.preprocess.crop_pct, 0.95);
  EXPECT_TRUE(config.label_names.empty());
  EXPECT_EQ(config.classifier, "fc");
}

TEST(Config, ToleratesWhatTimmLeavesOut) {
  EXPECT_EQ(edited([](Json& j) { j.erase("num_classes"), j.erase("num_features"), j.erase("model_args"); }), "");
  EXPECT_EQ(edited([](Json& j) { j["pretrained_cfg"].erase("crop_pct"), j["pretrained_cfg"].erase("interpolation"); }),
            "");
  EXPECT_EQ(edited([](Json& j) { j["pretrained_cfg"]["first_conv"] = nullptr; }), "");
}

// The config that a file with this text holds.
ModelConfig read_text(const std::string& text) {
  const test::TempDir directory;
  write_file(directory / "config.json", text);
  return read_config(directory.path());
}

// What timm 1.0.31's save_config_for_hf writes for
// create_model("vit_tiny_patch16_224", num_classes=5, img_size=64), without its links.
constexpr const char* kTimmVit = R"({
  "architecture": "vit_tiny_patch16_224", "num_classes": 5, "num_features": 192, "global_pool": "token",
  "model_args": {"num_classes": 5, "img_size": [64, 64], "in_chans": 3, "global_pool": "token"},
  "pretrained_cfg": {
    "tag": "augreg_in21k_ft_in1k", "custom_load": false, "input_size": [3, 64, 64], "fixed_input_size": true,
    "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center", "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5], "num_classes": 5, "pool_size": null, "first_conv": "patch_embed.proj",
    "classifier": "head", "license": "apache-2.0"}})";

TEST(Config, HonoursTheArgumentsOfAModel) {
  const ModelConfig vit = read_text(kTimmVit);
  EXPECT_EQ(vit.preprocess.size, (ImageShape{3, 64, 64}));
  EXPECT_EQ(vit.global_pool, "token");
  EXPECT_TRUE(vit.fixed_input_size);
  const test::TempDir directory;
  write_config(directory.path(), vit);
  EXPECT_EQ(Json::parse(read_file(directory / "config.json"))["model_args"],
            Json::parse(R"({"img_size": [64, 64], "global_pool": "token"})"));
  EXPECT_EQ(read_config(directory.path()).preprocess, vit.preprocess);

  const auto with = [](const char* text, const Json& args) {
    Json json = Json::parse(text);
    json["model_args"] = args;
    return json.dump();
  };
  EXPECT_EQ(read_text(with(kTimmVit, {{"img_size", 32}})).preprocess.size, (ImageShape{3, 32, 32}));
  EXPECT_EQ(read_text(with(kTimmVit, {{"img_size", {32, 48}}})).preprocess.size, (ImageShape{3, 32, 48}));
  EXPECT_EQ(
      read_text(with(kTimmFile, {{"drop_rate", 0.1}, {"drop_path_rate", 0.1}, {"act_layer", nullptr}})).global_pool,
      "");
  const auto refused = [&](const Json& args, const std::string& word) {
    const std::string error = read_error(with(kTimmVit, args));
    EXPECT_NE(error.find(word), std::string::npos) << args << ": " << error;
  };
  refused({{"act_layer", "gelu"}}, "model_args has 'act_layer'");
  refused({{"global_pool", "map"}}, "global_pool is 'map'");
  refused({{"num_classes", 6}}, "num_classes is 5, and 6 in model_args");
  refused({{"img_size", {32}}}, "img_size has 1 numbers");
  refused({{"img_size", "wide"}}, "expected an integer");
  refused({{"img_size", int64_t{1} << 40}}, "input_size holds");
  refused({{"in_chans", int64_t{1} << 60}}, "input_size holds");
  refused({{"in_chans", 0}}, "input_size holds 0");
  refused({1, 2}, "'model_args' is no object");
}

TEST(Config, KeepsWhatIsRecommendedForTesting) {
  const ModelConfig config = read_text(kTimmFile);
  EXPECT_EQ(config.preprocess.size, (ImageShape{3, 224, 224}));
  ASSERT_TRUE(config.test_size && config.test_crop_pct);
  EXPECT_EQ(*config.test_size, (ImageShape{3, 288, 288}));
  EXPECT_EQ(*config.test_crop_pct, 1.0);
  const test::TempDir directory;
  write_config(directory.path(), config);
  EXPECT_EQ(read_config(directory.path()).test_size, config.test_size);
  EXPECT_EQ(read_config(directory.path()).test_crop_pct, config.test_crop_pct);
  EXPECT_FALSE(read_text(kTimmVit).test_size || read_text(kTimmVit).test_crop_pct);
}

// timm's resolve_input_data_config: 0.449 is the mean of (0.485, 0.456, 0.406).
TEST(Config, NormalisationFollowsTheChannels) {
  Json json = Json::parse(kTimmFile);
  json["model_args"]["in_chans"] = 1;
  ASSERT_EQ(read_text(json.dump()).preprocess.mean.size(), 1u);
  EXPECT_NEAR(read_text(json.dump()).preprocess.mean[0], 0.449, 1e-12);
  EXPECT_NEAR(read_text(json.dump()).preprocess.std[0], 0.226, 1e-12);
  json["pretrained_cfg"]["mean"] = {0.3};
  json["model_args"]["in_chans"] = 4;
  EXPECT_EQ(read_text(json.dump()).preprocess.mean, std::vector<double>(4, 0.3));
}

TEST(Config, ReadsLegacyFlatFiles) {
  const ModelConfig full = read_text(R"({"architecture": "resnet18", "num_classes": 2, "input_size": [3, 160, 128],
    "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "crop_pct": 0.9, "interpolation": "bilinear",
    "classifier": "fc", "labels": ["cat", "dog"]})");
  EXPECT_EQ(full.preprocess.size, (ImageShape{3, 160, 128}));
  EXPECT_EQ(full.preprocess.mean, (std::vector<double>{0.1, 0.2, 0.3}));
  EXPECT_EQ(full.preprocess.interpolation, Interpolation::bilinear);
  EXPECT_EQ(full.label_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(full.classifier, "fc");
  // timm's defaults stand for the rest: IMAGENET_DEFAULT_MEAN and _STD, 224, 0.875, bicubic.
  const ModelConfig bare = read_text(R"({"architecture": "resnet18", "num_classes": 2})");
  EXPECT_EQ(bare.preprocess,
            (Preprocess{.size = {3, 224, 224}, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}}));
}

TEST(Config, ReadsLabelNamesKeptByIndex) {
  const test::TempDir directory;
  Json json = Json::parse(kTimmFile);
  json["num_classes"] = json["model_args"]["num_classes"] = 2;
  json["label_names"] = {{"1", "dog"}, {"0", "cat"}};
  write_file(directory / "config.json", json.dump());
  EXPECT_EQ(read_config(directory.path()).label_names, (std::vector<std::string>{"cat", "dog"}));
}

TEST(Config, RefusesWhatIsMissingOrDamaged) {
  EXPECT_NE(read_error("").find("not valid JSON"), std::string::npos);
  EXPECT_NE(read_error("[]").find("pretrained_cfg"), std::string::npos);
  EXPECT_NE(read_error("{}").find("'architecture' is missing"), std::string::npos);
  EXPECT_NE(read_error(std::string(100'000, '[')).find("nested deeper"), std::string::npos);
  EXPECT_NE(read_error(std::string((16 << 20) + 1, ' ')).find("expected at most"), std::string::npos);
  EXPECT_NE(edited([](Json& j) { j.erase("architecture"); }).find("'architecture' is missing"), std::string::npos);
  EXPECT_NE(edited([](Json& j) { j["pretrained_cfg"] = 3; }).find("pretrained_cfg"), std::string::npos);
  EXPECT_NE(edited([](Json& j) { j["pretrained_cfg"].erase("mean"); }).find("'mean' is missing"), std::string::npos);
  EXPECT_THROW(read_config(test::TempDir().path()), Error);
}

TEST(Config, RefusesEveryCutOfAFile) {
  const test::TempDir directory;
  write_config(directory.path(), grey_config());
  const std::string whole = read_file(directory / "config.json");
  for (size_t length = 0; length + 2 < whole.size(); ++length) {
    std::ofstream(directory / "config.json") << whole.substr(0, length);
    EXPECT_THROW(read_config(directory.path()), Error) << length;
  }
}

TEST(Config, RefusesNumbersOutOfRange) {
  const auto refused = [](const std::string& key, const Json& value, const std::string& word) {
    const std::string top = edited([&](Json& j) { (key == "num_classes" ? j : j["pretrained_cfg"])[key] = value; });
    EXPECT_NE(top.find(word), std::string::npos) << key << " " << value << ": " << top;
  };
  refused("num_classes", 0, "num_classes is 0");
  refused("num_classes", -4, "num_classes");
  refused("num_classes", 1.5, "expected an integer");
  refused("num_classes", "10", "expected an integer");
  refused("num_classes", uint64_t{1} << 63, "too large");
  refused("num_classes", int64_t{1} << 60, "num_classes");
  refused("input_size", {3, 0, 224}, "input_size holds 0");
  refused("input_size", {224, 224}, "input_size has 2");
  refused("input_size", {3, 224, true}, "expected an integer");
  refused("mean", {0.5, 0.5}, "mean has 2 numbers");
  refused("mean", Json::array(), "mean has 0 numbers");
  refused("test_input_size", {3, 0, 3}, "holds 0");
  refused("test_crop_pct", 0, "crop_pct is 0");
  refused("fixed_input_size", 1, "fixed_input_size");
  refused("label_offset", 1, "label_offset is 1");
  refused("mean", {0.5, 0.5, "x"}, "expected numbers");
  refused("std", {0.5, 0.0, 0.5}, "std holds 0");
  refused("std", {0.5, -1, 0.5}, "std holds -1");
  refused("crop_pct", 0, "crop_pct");
  refused("crop_pct", "wide", "crop_pct");
  refused("interpolation", 2, "interpolation");
  refused("interpolation", "cubic", "expected one of nearest");
  refused("crop_mode", "middle", "expected one of center");
}

TEST(Config, RefusesLabelNamesThatDoNotFit) {
  EXPECT_NE(edited([](Json& j) { j["label_names"] = {"a", "b"}; }).find("label_names has 2"), std::string::npos);
  EXPECT_NE(edited([](Json& j) { j["label_names"] = {1, 2}; }).find("label_names"), std::string::npos);
  EXPECT_NE(edited([](Json& j) { j["label_names"] = {{"1000", "x"}}; }).find("label_names maps"), std::string::npos);
  EXPECT_NE(edited([](Json& j) { j["label_names"] = {{"zero", "x"}}; }).find("label_names maps"), std::string::npos);
}

TEST(Config, WritesNothingBad) {
  const test::TempDir directory;
  ModelConfig config = grey_config();
  config.preprocess.std = {0};
  EXPECT_THROW(write_config(directory.path(), config), Error);
  config = grey_config();
  config.label_names[0] = "\xff\xfe";
  EXPECT_THROW(write_config(directory.path(), config), Error);
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST(Weights, HashIsThatOfTheFile) {
  const test::TempDir directory;
  EXPECT_THROW(weights_hash(directory.path()), Error);
  write_file(weights_path(directory.path()), "abc");
  EXPECT_EQ(weights_hash(directory.path()), sha256("abc"));
}

}  // namespace
}  // namespace retort
