/// \file layout.h
/// The directories that model servers and the hub expect around an exported file.
#pragma once

#include <filesystem>
#include <string>

#include "retort/export.h"

namespace retort {

/// Where the exported file lies inside the output's directory: `1/model.onnx` for "ovms" and "triton", `model.onnx` for
/// "hf". `ending` is ".onnx" or ".xml". Throws a usage error on another layout.
std::filesystem::path file_in_layout(const std::string& layout, const std::string& ending);

/// Writes what belongs beside the file into `directory`; `name` is the model's.
void write_layout(const std::string& layout, const std::filesystem::path& directory, const std::string& name,
                  const std::string& ending, const OnnxFacts& facts, const OnnxOptions& options);

}  // namespace retort
