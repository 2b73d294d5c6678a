/// \file onnx_file.h
/// The little of an ONNX file that OpenVINO does not tell.
#pragma once

#include <span>
#include <string_view>

#include "base/file.h"

namespace retort {

/// The version of ONNX's own operators that a file is written in, 0 where it says none. `where` opens the errors.
/// Throws Error where the bytes are no message of protobuf.
int64_t onnx_opset(std::string_view where, std::span<const std::byte> bytes);

/// Throws Error where the file is no ONNX file, or newer than this OpenVINO, which would take its operators for older
/// ones of the same name.
void check_onnx_file(const fs::path& file);

}  // namespace retort
