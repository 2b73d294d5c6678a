#include "weights/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace retort {

namespace {

// Beyond these a damaged or hostile file would make the net ask for absurd amounts of memory.
constexpr int64_t kMaxClasses = 1'000'000;
constexpr double kDefaultCropPct = 0.875;  // timm's, where a file says nothing

fs::path config_path(const fs::path& directory) { return directory / kConfigFile; }

void check_config(const std::string& where, const ModelConfig& c) {
  if (c.architecture.empty()) fail(where, "architecture is empty; expected the name of a backbone");
  if (c.num_classes < 1 || c.num_classes > kMaxClasses) {
    fail(where, "num_classes is ", c.num_classes, "; expected 1 to ", kMaxClasses);
  }
  if (c.num_features < 0) fail(where, "num_features is ", c.num_features, "; expected at least 1");
  c.preprocess.check(where);
  if (!c.label_names.empty() && static_cast<int64_t>(c.label_names.size()) != c.num_classes) {
    fail(where, "label_names has ", c.label_names.size(), " names; num_classes is ", c.num_classes);
  }
}

Json to_json(const ModelConfig& c) {
  const auto name_or_null = [](const std::string& name) { return name.empty() ? Json(nullptr) : Json(name); };
  Json json = {{"architecture", c.architecture}, {"num_classes", c.num_classes}};
  if (c.num_features > 0) json["num_features"] = c.num_features;
  json["global_pool"] = "avg";
  if (!c.label_names.empty()) json["label_names"] = c.label_names;
  // Without this timm would build the net for three channels.
  const Preprocess& p = c.preprocess;
  if (p.size.channels != 3) json["model_args"] = {{"in_chans", p.size.channels}};
  json["pretrained_cfg"] = {{"tag", ""},
                            {"custom_load", false},
                            {"input_size", {p.size.channels, p.size.height, p.size.width}},
                            {"fixed_input_size", false},
                            {"interpolation", interpolation_name(p.interpolation)},
                            {"crop_pct", p.crop_pct},
                            {"crop_mode", crop_name(p.crop)},
                            {"mean", p.mean},
                            {"std", p.std},
                            {"num_classes", c.num_classes},
                            {"pool_size", nullptr},
                            {"first_conv", name_or_null(c.first_conv)},
                            {"classifier", name_or_null(c.classifier)}};
  return json;
}

bool has(const Json& object, const std::string& key) { return object.contains(key) && !object.at(key).is_null(); }

template <class T>
T get_or(const std::string& where, const Json& object, const std::string& key, T otherwise) {
  return has(object, key) ? get<T>(where, object, key) : otherwise;
}

// An integer that was written as one: get<int64_t> alone would cut 1.5 to 1 and take true for 1.
int64_t integer(const std::string& where, const std::string& key, const Json& value) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) fail(where, "'", key, "' is too large");
  if (!value.is_number_integer()) fail(where, "'", key, "' is ", value.dump().substr(0, 60), "; expected an integer");
  return value.get<int64_t>();
}

std::vector<double> numbers(const std::string& where, const Json& object, const std::string& key) {
  std::vector<double> out;
  for (const Json& value : get<std::vector<Json>>(where, object, key)) {
    if (!value.is_number()) fail(where, "'", key, "' holds ", value.dump().substr(0, 60), "; expected numbers");
    out.push_back(value.get<double>());
  }
  return out;
}

// timm keeps them as a list, or as an object from class index to name.
std::vector<std::string> label_names(const std::string& where, const Json& object, int64_t classes) {
  if (!has(object, "label_names")) return {};
  const Json& names = object.at("label_names");
  if (!names.is_object()) return get<std::vector<std::string>>(where, object, "label_names");
  std::vector<std::string> out(static_cast<size_t>(std::clamp<int64_t>(classes, 0, kMaxClasses)));
  for (const auto& [key, value] : names.items()) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error != std::errc() || end != key.data() + key.size() || index >= out.size() || !value.is_string()) {
      fail(where, "label_names maps '", key, "' to ", value.dump().substr(0, 60), "; expected a class index to a name");
    }
    out[index] = value.get<std::string>();
  }
  return out;
}

ImageShape input_size(const std::string& where, const Json& cfg) {
  std::vector<int64_t> size;
  for (const Json& value : get<std::vector<Json>>(where, cfg, "input_size")) {
    size.push_back(integer(where, "input_size", value));
  }
  if (size.size() != 3) fail(where, "input_size has ", size.size(), " numbers; expected [C, H, W]");
  return {size[0], size[1], size[2]};
}

Preprocess preprocess_from_json(const std::string& where, const Json& cfg, const Json& model_args) {
  Preprocess p{.size = input_size(where, cfg)};
  if (model_args.is_object() && has(model_args, "in_chans")) {
    p.size.channels = integer(where, "in_chans", model_args.at("in_chans"));
  }
  p.mean = numbers(where, cfg, "mean");
  p.std = numbers(where, cfg, "std");
  p.crop_pct = get_or<double>(where, cfg, "crop_pct", kDefaultCropPct);
  p.interpolation = parse_interpolation(where, get_or<std::string>(where, cfg, "interpolation", "bicubic"));
  p.crop = parse_crop(where, get_or<std::string>(where, cfg, "crop_mode", "center"));
  return p;
}

ModelConfig from_json(const std::string& where, const Json& json) {
  const Json preprocessing = get<Json>(where, json, "pretrained_cfg");
  if (!preprocessing.is_object()) fail(where, "'pretrained_cfg' is no object; expected timm's preprocessing keys");
  ModelConfig c;
  c.architecture = get<std::string>(where, json, "architecture");
  const Json& with_classes = has(json, "num_classes") ? json : preprocessing;
  c.num_classes = integer(where, "num_classes", get<Json>(where, with_classes, "num_classes"));
  if (has(json, "num_features")) c.num_features = integer(where, "num_features", json.at("num_features"));
  c.preprocess = preprocess_from_json(where, preprocessing, get_or<Json>(where, json, "model_args", Json::object()));
  c.label_names = label_names(where, has(json, "label_names") ? json : preprocessing, c.num_classes);
  c.first_conv = get_or<std::string>(where, preprocessing, "first_conv", "");
  c.classifier = get_or<std::string>(where, preprocessing, "classifier", "");
  return c;
}

}  // namespace

void write_config(const fs::path& directory, const ModelConfig& config) {
  const std::string where = config_path(directory).string();
  check_config(where, config);
  std::string text;
  try {
    text = to_json(config).dump(2) + "\n";
  } catch (const nlohmann::json::exception&) {
    fail(where, "a name is not valid UTF-8; rename the architecture or the labels");
  }
  make_directory(directory);
  write_file(config_path(directory), text);
}

ModelConfig parse_config(const std::string& where, std::string_view text) {
  ModelConfig config = from_json(where, parse_json(where, text));
  check_config(where, config);
  return config;
}

ModelConfig read_config(const fs::path& directory) {
  return parse_config(config_path(directory).string(), read_file(config_path(directory)));
}

fs::path weights_path(const fs::path& directory) { return directory / kWeightsFile; }

std::string weights_hash(const fs::path& directory) { return sha256_file(weights_path(directory)); }

}  // namespace retort
