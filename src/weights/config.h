/// \file config.h
/// The files of a model's directory, and what config.json's text says.
#pragma once

#include <string>
#include <string_view>

#include "retort/weights.h"

namespace retort {

inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kWeightsFile = "model.safetensors";
inline constexpr const char* kNoPickle =
    "pickled weights such as pytorch_model.bin are never loaded, convert them with tools/to_safetensors.py";

/// What write_config writes. `where` opens the errors. Throws Error.
std::string config_text(const std::string& where, const ModelConfig& config);

/// What read_config does with the file's text. `where` opens the errors. Throws Error.
ModelConfig parse_config(const std::string& where, std::string_view text);

}  // namespace retort
