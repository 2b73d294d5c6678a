/// \file weights.h
/// A model's directory as timm lays it out, `config.json` beside `model.safetensors`, and models by their own names:
/// the hub client, whose cache is that of the Python client.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/image.h"

namespace retort {

/// What `config.json` says, under timm's keys; pretrained_cfg holds the preprocessing.
struct ModelConfig {
  std::string architecture;
  int64_t num_classes = 0;
  int64_t num_features = 0;
  Preprocess preprocess;                 ///< input_size, interpolation, crop_pct, crop_mode, mean, std
  std::vector<std::string> label_names;  ///< [num_classes], or empty where nobody named them
  std::string first_conv, classifier;    ///< module names
  std::string distill_classifier;        ///< of a distillation token, where there is one
  std::string global_pool;              ///< "avg" or "token" where model_args ask for it; empty: the architecture's own
  bool fixed_input_size = false;        ///< takes images of preprocess.size only
  std::optional<ImageShape> test_size;  ///< test_input_size and test_crop_pct, which timm recommends for testing;
  std::optional<double> test_crop_pct;  ///< nobody takes them unasked
};

/// Writes and reads `DIR/config.json`. Reading takes timm's legacy files too; it throws Error on a damaged file, on one
/// that lacks what Retort needs, and on model_args that would make another network than Retort builds.
void write_config(const std::filesystem::path& directory, const ModelConfig& config);
ModelConfig read_config(const std::filesystem::path& directory);

/// `DIR/model.safetensors`.
std::filesystem::path weights_path(const std::filesystem::path& directory);
/// SHA-256 of that file: the name by which soft labels and ensembles know a member. Throws Error.
std::string weights_hash(const std::filesystem::path& directory);

/// How the hub is asked. A plain value: change what you like.
struct HubOptions {
  std::string endpoint = "https://huggingface.co";
  std::filesystem::path cache;   ///< holds models--ORG--NAME
  std::string token;             ///< sent to the endpoint's host and to no other; empty: none
  bool offline = false;          ///< ask nobody, take what is in the cache
  double etag_timeout = 10;      ///< seconds until a connection and until an answer about a file
  double download_timeout = 10;  ///< seconds without one byte of a file
  int tries = 5;                 ///< for network errors, 408, 429 and 5xx
  double backoff = 1;            ///< seconds before the second try; doubles, up to 8 times that
};

/// The options that HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, HF_TOKEN and their like ask for, as the Python client reads
/// them (docs/models.md). The only function of the library that reads the environment (curl reads its proxy variables).
HubOptions hub_options_from_environment();

/// Whether `ref` means a model of the hub: `hf-hub:ORG/NAME[@REVISION]`, or ORG/NAME[@REVISION] where there is no such
/// path here. Everything else is a path; `local-dir:DIR` always is.
bool is_hub_ref(const std::string& ref);

/// `ref` as it is understood anywhere: a hub name with its prefix, a path as seen from `base`.
std::string full_ref(const std::string& ref, const std::filesystem::path& base);

/// What to call the model in a table: NAME[@REVISION], or the directory's own name.
std::string model_name(const std::string& ref);

/// Whether the path is that of a model in one file, which infer.h's Session runs: `.onnx` or `.xml`.
bool is_session_file(const std::filesystem::path& file);

/// The directory that `ref` means: a path as it is (also that of an .onnx or .xml file), or a snapshot in the cache
/// that holds config.json and model.safetensors, which are fetched, checked against their hashes and kept where they
/// are missing or changed. With the hub out of reach what is in the cache serves. Progress is in MB; a stopped fetch
/// throws and goes on next time. Throws a usage error on a malformed name, Error where there is no such path, model,
/// revision or file, where access is refused, and where only pickled weights are there. Thread-safe, also between
/// processes.
std::filesystem::path resolve_model(const std::string& ref, const HubOptions& options, const Monitor& monitor = {});
/// The same with hub_options_from_environment().
std::filesystem::path resolve_model(const std::string& ref, const Monitor& monitor = {});

}  // namespace retort
