#include "weights/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <set>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace retort {

namespace {

// Beyond these a damaged or hostile file would make the net ask for absurd amounts of memory.
constexpr int64_t kMaxClasses = 1'000'000;
constexpr int64_t kMaxSide = 65'536;
constexpr size_t kMaxFile = size_t{16} << 20;

// timm's, where a file says nothing (resolve_data_config).
constexpr double kDefaultCropPct = 0.875;
constexpr int64_t kDefaultSide = 224;
constexpr std::array kDefaultMean = {0.485, 0.456, 0.406}, kDefaultStd = {0.229, 0.224, 0.225};

fs::path config_path(const fs::path& directory) { return directory / kConfigFile; }

void check_config(const std::string& where, const ModelConfig& c) {
  if (c.architecture.empty()) fail(where, "architecture is empty; expected the name of a backbone");
  if (c.num_classes < 1 || c.num_classes > kMaxClasses) {
    fail(where, "num_classes is ", c.num_classes, "; expected 1 to ", kMaxClasses);
  }
  if (c.num_features < 0) fail(where, "num_features is ", c.num_features, "; expected at least 1");
  c.preprocess.check(where);
  if (!c.global_pool.empty() && c.global_pool != "avg" && c.global_pool != "token") {
    fail(where, "global_pool is '", c.global_pool, "'; expected avg or token, which is all that Retort builds");
  }
  Preprocess test = c.preprocess;
  test.size = c.test_size.value_or(test.size);
  test.crop_pct = c.test_crop_pct.value_or(test.crop_pct);
  test.check(where + ": test_input_size and test_crop_pct");
  if (!c.label_names.empty() && static_cast<int64_t>(c.label_names.size()) != c.num_classes) {
    fail(where, "label_names has ", c.label_names.size(), " names; num_classes is ", c.num_classes);
  }
}

Json size_to_json(const ImageShape& size) { return {size.channels, size.height, size.width}; }

Json to_json(const ModelConfig& c) {
  const auto name_or_null = [](const std::string& name) { return name.empty() ? Json(nullptr) : Json(name); };
  Json json = {{"architecture", c.architecture}, {"num_classes", c.num_classes}};
  if (c.num_features > 0) json["num_features"] = c.num_features;
  json["global_pool"] = c.global_pool.empty() ? "avg" : c.global_pool;
  if (!c.label_names.empty()) json["label_names"] = c.label_names;
  // Without these timm would build the net for three channels, the architecture's own size and pooling.
  const Preprocess& p = c.preprocess;
  if (p.size.channels != 3) json["model_args"]["in_chans"] = p.size.channels;
  if (c.fixed_input_size) json["model_args"]["img_size"] = {p.size.height, p.size.width};
  if (!c.global_pool.empty()) json["model_args"]["global_pool"] = c.global_pool;
  json["pretrained_cfg"] = {{"tag", ""},
                            {"custom_load", false},
                            {"input_size", size_to_json(p.size)},
                            {"fixed_input_size", c.fixed_input_size},
                            {"interpolation", interpolation_name(p.interpolation)},
                            {"crop_pct", p.crop_pct},
                            {"crop_mode", crop_name(p.crop)},
                            {"mean", p.mean},
                            {"std", p.std},
                            {"num_classes", c.num_classes},
                            {"pool_size", nullptr},
                            {"first_conv", name_or_null(c.first_conv)},
                            {"classifier", name_or_null(c.classifier)}};
  if (!c.distill_classifier.empty()) json["pretrained_cfg"]["classifier"] = {c.classifier, c.distill_classifier};
  if (c.test_size) json["pretrained_cfg"]["test_input_size"] = size_to_json(*c.test_size);
  if (c.test_crop_pct) json["pretrained_cfg"]["test_crop_pct"] = *c.test_crop_pct;
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

// timm keeps them as a list, or as an object from class index to name, which may have gaps.
std::vector<std::string> label_names(const std::string& where, const Json& object, int64_t classes) {
  const char* key = has(object, "label_names") ? "label_names" : "labels";  // as older files call them
  if (!has(object, key)) return {};
  const Json& names = object.at(key);
  if (!names.is_object()) return get<std::vector<std::string>>(where, object, key);
  std::vector<std::string> out(static_cast<size_t>(std::clamp<int64_t>(classes, 0, kMaxClasses)));
  for (const auto& [index_text, value] : names.items()) {
    size_t index = 0;
    const char* last = index_text.data() + index_text.size();
    const auto [end, error] = std::from_chars(index_text.data(), last, index);
    if (error != std::errc() || end != last || index >= out.size() || !value.is_string()) {
      fail(where, key, " maps '", index_text.substr(0, 60), "' to ", value.dump().substr(0, 60),
           "; expected a class index to a name");
    }
    out[index] = value.get<std::string>();
  }
  return out;
}

std::vector<int64_t> integers(const std::string& where, const Json& object, const std::string& key) {
  std::vector<int64_t> out;
  for (const Json& value : get<std::vector<Json>>(where, object, key)) out.push_back(integer(where, key, value));
  return out;
}

ImageShape image_size(const std::string& where, const Json& cfg, const std::string& key) {
  const std::vector<int64_t> size = integers(where, cfg, key);
  if (size.size() != 3) fail(where, key, " has ", size.size(), " numbers; expected [C, H, W]");
  return {size[0], size[1], size[2]};
}

// What model_args may hold: what is honoured, and what leaves the network that predicts as it is.
bool is_harmless(const std::string& arg) {
  static const std::set<std::string> kKnown = {
      "in_chans",   "num_classes",    "img_size",   "global_pool",      "drop_rate",
      "pretrained", "scriptable",     "exportable", "dynamic_img_size", "strict_img_size",
      "no_jit",     "zero_init_last", "fix_init",   "weight_init",      "checkpoint_path"};
  return kKnown.contains(arg) || arg.ends_with("_drop_rate") || arg == "drop_path_rate" || arg == "drop_block_rate";
}

void check_model_args(const std::string& where, const Json& args, int64_t classes) {
  if (!args.is_object()) fail(where, "'model_args' is no object; expected arguments by name");
  for (const auto& [arg, value] : args.items()) {
    if (value.is_null() || is_harmless(arg)) continue;
    fail(where, "model_args has '", arg.substr(0, 60), "', which changes the network in a way that Retort does not ",
         "build; expected in_chans, num_classes, img_size, global_pool");
  }
  if (has(args, "num_classes") && integer(where, "num_classes", args.at("num_classes")) != classes) {
    fail(where, "num_classes is ", classes, ", and ", args.at("num_classes").dump(),
         " in model_args; expected the same");
  }
}

// model_args.img_size: one side, or [H, W].
void set_side(const std::string& where, const Json& args, ImageShape& size) {
  if (args.at("img_size").is_array()) {
    const std::vector<int64_t> sides = integers(where, args, "img_size");
    if (sides.size() != 2) fail(where, "img_size has ", sides.size(), " numbers; expected one, or [H, W]");
    size.height = sides[0], size.width = sides[1];
  } else {
    size.height = size.width = integer(where, "img_size", args.at("img_size"));
  }
}

// timm's rule: one number goes for all channels, and what was meant for other channels than the net has becomes its
// mean.
void spread(std::vector<double>& values, const ImageShape& size, bool other_channels) {
  if (size.channels < 1 || size.channels > kMaxSide || values.empty()) return;  // which the check refuses
  if (values.size() != 1 && !other_channels) return;
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  values.assign(static_cast<size_t>(size.channels), sum / static_cast<double>(values.size()));
}

// `cfg` is pretrained_cfg, or all of a legacy file, in which timm's defaults stand for what is missing.
void read_preprocess(const std::string& where, const Json& cfg, const Json& args, bool legacy, ModelConfig& c) {
  Preprocess& p = c.preprocess;
  p.size = {3, kDefaultSide, kDefaultSide};
  if (!legacy || has(cfg, "input_size")) p.size = image_size(where, cfg, "input_size");
  const int64_t channels = p.size.channels;
  if (has(args, "in_chans")) p.size.channels = integer(where, "in_chans", args.at("in_chans"));
  c.fixed_input_size = get_or<bool>(where, cfg, "fixed_input_size", false);
  if (c.fixed_input_size && has(args, "img_size")) set_side(where, args, p.size);
  p.mean.assign(kDefaultMean.begin(), kDefaultMean.end());
  p.std.assign(kDefaultStd.begin(), kDefaultStd.end());
  if (!legacy || has(cfg, "mean")) p.mean = numbers(where, cfg, "mean");
  if (!legacy || has(cfg, "std")) p.std = numbers(where, cfg, "std");
  for (auto* values : {&p.mean, &p.std})
    spread(*values, p.size, p.size.channels != channels && std::ssize(*values) == channels);
  p.crop_pct = get_or<double>(where, cfg, "crop_pct", kDefaultCropPct);
  p.interpolation = parse_interpolation(where, get_or<std::string>(where, cfg, "interpolation", "bicubic"));
  p.crop = parse_crop(where, get_or<std::string>(where, cfg, "crop_mode", "center"));
  if (has(cfg, "test_input_size")) {
    c.test_size = image_size(where, cfg, "test_input_size");
    c.test_size->channels = p.size.channels;
  }
  if (has(cfg, "test_crop_pct")) c.test_crop_pct = get<double>(where, cfg, "test_crop_pct");
}

// One name, or a list of two where there is a distillation token.
void read_classifiers(const std::string& where, const Json& cfg, ModelConfig& c) {
  if (!has(cfg, "classifier") || !cfg.at("classifier").is_array()) {
    c.classifier = get_or<std::string>(where, cfg, "classifier", "");
    return;
  }
  const auto names = get<std::vector<std::string>>(where, cfg, "classifier");
  if (names.size() != 2) fail(where, "classifier has ", names.size(), " names; expected one, or [head, head_dist]");
  c.classifier = names[0], c.distill_classifier = names[1];
}

ModelConfig from_json(const std::string& where, const Json& json) {
  const bool legacy = json.is_object() && !json.contains("pretrained_cfg");
  const Json cfg = legacy ? json : get<Json>(where, json, "pretrained_cfg");
  if (!cfg.is_object()) fail(where, "'pretrained_cfg' is no object; expected timm's preprocessing keys");
  const Json args = get_or<Json>(where, json, "model_args", Json::object());
  ModelConfig c;
  c.architecture = get<std::string>(where, json, "architecture");
  c.num_classes = integer(where, "num_classes", get<Json>(where, has(json, "num_classes") ? json : cfg, "num_classes"));
  if (has(json, "num_features")) c.num_features = integer(where, "num_features", json.at("num_features"));
  check_model_args(where, args, c.num_classes);
  c.global_pool = get_or<std::string>(where, args, "global_pool", "");
  read_preprocess(where, cfg, args, legacy, c);
  c.label_names = label_names(where, has(json, "label_names") ? json : cfg, c.num_classes);
  c.first_conv = get_or<std::string>(where, cfg, "first_conv", "");
  read_classifiers(where, cfg, c);
  if (has(cfg, "label_offset") && integer(where, "label_offset", cfg.at("label_offset")) != 0) {
    fail(where, "label_offset is ", cfg.at("label_offset").dump(),
         "; expected weights without a background class: ", "save the model with timm's save_for_hf");
  }
  return c;
}

}  // namespace

std::string config_text(const std::string& where, const ModelConfig& config) {
  check_config(where, config);
  try {
    return to_json(config).dump(2) + "\n";
  } catch (const nlohmann::json::exception&) {
    fail(where, "a name is not valid UTF-8; rename the architecture or the labels");
  }
}

void write_config(const fs::path& directory, const ModelConfig& config) {
  const std::string text = config_text(config_path(directory).string(), config);
  make_directory(directory);
  write_file(config_path(directory), text);
}

ModelConfig parse_config(const std::string& where, std::string_view text) {
  if (text.size() > kMaxFile) fail(where, "has ", text.size(), " bytes; expected at most ", kMaxFile);
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
