/// \file openvino.h
/// OpenVINO as the rest of the module sees it: one core a process, errors of one line.
#pragma once

#include <memory>
#include <openvino/openvino.hpp>
#include <string>

#include "base/file.h"
#include "retort/base.h"

namespace retort {

/// Made when it is first asked for: it takes a while.
ov::Core& openvino_core();

/// What OpenVINO's message of several lines says, in one.
std::string openvino_reason(const std::string& message);

/// What `work` gives; what OpenVINO throws becomes an Error that `advice` ends.
template <class Work>
auto with_openvino(const std::string& where, const std::string& advice, const Work& work) {
  try {
    return work();
  } catch (const ov::Exception& error) {
    fail(where, "OpenVINO says: ", openvino_reason(error.what()), "; ", advice);
  }
}

/// Reads an .onnx or .xml file. Throws Error.
std::shared_ptr<ov::Model> read_openvino(const fs::path& file);

}  // namespace retort
