/// \file onnx_metadata.h
/// What an exported ONNX file says of itself (docs/formats.md), for who writes and who reads it.
#pragma once

namespace retort {

inline constexpr const char* kOnnxVersionKey = "retort_onnx";
inline constexpr const char* kOnnxVersion = "1";
/// The text of timm's config.json.
inline constexpr const char* kConfigKey = "retort_config";
/// JSON: members, combiner, data, teachers, metrics.
inline constexpr const char* kProvenanceKey = "retort_provenance";

}  // namespace retort
