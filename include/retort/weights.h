/// \file weights.h
/// A model's directory as timm lays it out: `config.json` beside `model.safetensors`.
#pragma once

#include <filesystem>
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
};

/// Writes and reads `DIR/config.json`. Reading throws Error on a damaged file, or one that lacks what Retort needs.
void write_config(const std::filesystem::path& directory, const ModelConfig& config);
ModelConfig read_config(const std::filesystem::path& directory);

/// `DIR/model.safetensors`.
std::filesystem::path weights_path(const std::filesystem::path& directory);
/// SHA-256 of that file: the name by which soft labels and ensembles know a member. Throws Error.
std::string weights_hash(const std::filesystem::path& directory);

}  // namespace retort
