// Whatever the bytes are, parsing them ends in tensors that lie inside them or in an Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/safetensors.h"
#include "retort/base.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const retort::SafetensorsContents contents = retort::parse_safetensors("fuzz", bytes);
    size_t total = 0;
    for (const auto& [name, tensor] : contents.tensors) {
      const auto expected = static_cast<size_t>(tensor.numel()) * retort::dtype_size(tensor.dtype);
      if (tensor.bytes.size() != expected) std::abort();
      total += expected;
    }
    if (total > size) std::abort();
  } catch (const retort::Error&) {
  }
  return 0;
}
