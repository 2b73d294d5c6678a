// Whatever the bytes are, looking for an ONNX file's opset ends in a number or in an Error.
#include <cstddef>
#include <cstdint>

#include "infer/onnx_file.h"
#include "retort/base.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    retort::onnx_opset("fuzz", std::as_bytes(std::span(data, size)));
  } catch (const retort::Error&) {
  }
  return 0;
}
