// Whatever the text is, a config.json ends in a config that passes its own checks or in an Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "retort/base.h"
#include "weights/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const retort::ModelConfig config =
        retort::parse_config("fuzz", std::string_view(reinterpret_cast<const char*>(data), size));
    const auto classes = static_cast<size_t>(config.num_classes);
    if (!config.label_names.empty() && config.label_names.size() != classes) std::abort();
    if (config.preprocess.mean.size() != static_cast<size_t>(config.preprocess.size.channels)) std::abort();
  } catch (const retort::Error&) {
  }
  return 0;
}
