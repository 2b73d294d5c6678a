#include "infer/openvino.h"

#include <openvino/frontend/manager.hpp>
#include <sstream>

#include "infer/onnx_file.h"

namespace retort {

ov::Core& openvino_core() {
  static ov::Core core;
  return core;
}

std::string openvino_reason(const std::string& message) {
  constexpr size_t kLongest = 300;
  std::istringstream lines(message);
  std::string reason;
  for (std::string line; std::getline(lines, line);) {
    const bool frame = line.starts_with("Exception from ") || line.starts_with("FrontEnd API failed") ||
                       (line.starts_with("Check '") && line.find(" failed at ") != std::string::npos);
    if (line.empty() || frame) continue;
    reason += (reason.empty() ? "" : " ") + line;
  }
  for (char& c : reason) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return reason.empty() ? "nothing" : reason.substr(0, kLongest);
}

std::shared_ptr<ov::Model> read_openvino(const fs::path& file) {
  const std::string where = file.string();
  if (!is_there(file)) fail(where, "does not exist; expected an .onnx or .xml file");
  const bool onnx = file.extension() == ".onnx";
  if (onnx) check_onnx_file(file);
  // The frontend by its name: OpenVINO, asked to guess, tries all it has, and some print.
  return with_openvino(where, "is the file whole, with what belongs beside it, and does OpenVINO know its operators?",
                       [&] {
                         static ov::frontend::FrontEndManager manager;
                         const auto frontend = manager.load_by_framework(onnx ? "onnx" : "ir");
                         return frontend->convert(frontend->load(where));
                       });
}

}  // namespace retort
