#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "retort/weights.h"

namespace retort {

namespace {

// Beyond these a damaged or hostile file would make the net ask for absurd amounts of memory.
constexpr int64_t kMaxClasses = 1'000'000;
constexpr int64_t kMaxInput = 65'536;
constexpr double kDefaultCropPct = 0.875;  // timm's, where a file says nothing

fs::path config_path(const fs::path& directory) { return directory / "config.json"; }

void check_normalisation(const std::string& where, const std::string& key, const std::vector<double>& values,
                         int64_t channels, double above) {
  if (static_cast<int64_t>(values.size()) != channels) {
    fail(where, key, " has ", values.size(), " numbers; expected one for each of ", channels, " channels");
  }
  for (const double value : values) {
    if (!std::isfinite(value) || value <= above) fail(where, key, " holds ", value, "; expected a positive number");
  }
}

void check_config(const std::string& where, const ModelConfig& c) {
  if (c.architecture.empty()) fail(where, "architecture is empty; expected the name of a backbone");
  if (c.num_classes < 1 || c.num_classes > kMaxClasses) {
    fail(where, "num_classes is ", c.num_classes, "; expected 1 to ", kMaxClasses);
  }
  if (c.num_features < 0) fail(where, "num_features is ", c.num_features, "; expected at least 1");
  if (c.input_size.size() != 3) fail(where, "input_size has ", c.input_size.size(), " numbers; expected [C, H, W]");
  for (const int64_t size : c.input_size) {
    if (size < 1 || size > kMaxInput) fail(where, "input_size holds ", size, "; expected 1 to ", kMaxInput);
  }
  check_normalisation(where, "mean", c.mean, c.input_size[0], -HUGE_VAL);
  check_normalisation(where, "std", c.std, c.input_size[0], 0);
  if (!std::isfinite(c.crop_pct) || c.crop_pct <= 0) fail(where, "crop_pct is ", c.crop_pct, "; expected above 0");
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
  if (c.input_size[0] != 3) json["model_args"] = {{"in_chans", c.input_size[0]}};
  json["pretrained_cfg"] = {{"tag", ""},
                            {"custom_load", false},
                            {"input_size", c.input_size},
                            {"fixed_input_size", false},
                            {"interpolation", c.interpolation},
                            {"crop_pct", c.crop_pct},
                            {"crop_mode", "center"},
                            {"mean", c.mean},
                            {"std", c.std},
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

ModelConfig from_json(const std::string& where, const Json& json) {
  const Json preprocessing = get<Json>(where, json, "pretrained_cfg");
  if (!preprocessing.is_object()) fail(where, "'pretrained_cfg' is no object; expected timm's preprocessing keys");
  ModelConfig c;
  c.architecture = get<std::string>(where, json, "architecture");
  const Json& with_classes = has(json, "num_classes") ? json : preprocessing;
  c.num_classes = integer(where, "num_classes", get<Json>(where, with_classes, "num_classes"));
  if (has(json, "num_features")) c.num_features = integer(where, "num_features", json.at("num_features"));
  for (const Json& size : get<std::vector<Json>>(where, preprocessing, "input_size")) {
    c.input_size.push_back(integer(where, "input_size", size));
  }
  const Json arguments = get_or<Json>(where, json, "model_args", Json::object());
  if (arguments.is_object() && has(arguments, "in_chans") && !c.input_size.empty()) {
    c.input_size[0] = integer(where, "in_chans", arguments.at("in_chans"));
  }
  c.mean = numbers(where, preprocessing, "mean");
  c.std = numbers(where, preprocessing, "std");
  c.crop_pct = get_or<double>(where, preprocessing, "crop_pct", kDefaultCropPct);
  c.interpolation = get_or<std::string>(where, preprocessing, "interpolation", "bicubic");
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

ModelConfig read_config(const fs::path& directory) {
  const std::string where = config_path(directory).string();
  const ModelConfig config = from_json(where, parse_json(where, read_file(config_path(directory))));
  check_config(where, config);
  return config;
}

fs::path weights_path(const fs::path& directory) { return directory / "model.safetensors"; }

std::string weights_hash(const fs::path& directory) { return sha256_file(weights_path(directory)); }

}  // namespace retort
