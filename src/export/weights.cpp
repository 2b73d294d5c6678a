#include "export/weights.h"

#include <algorithm>
#include <cmath>

#include "base/floats.h"

namespace retort {

GraphWeights::GraphWeights(const fs::path& file, const Graph& graph)
    : file_(file), where_(file.string()), graph_(graph) {
  for (const Parameter& parameter : graph.parameters) {
    const TensorView& tensor = file_.at(parameter.name);
    if (tensor.shape != parameter.shape) {
      fail(where_, "tensor '", parameter.name, "' has another shape than in ", graph.architecture,
           "; export a model at the size and classes that its weights are of");
    }
    if (!parameter.integer && !is_float(tensor.dtype)) {
      fail(where_, "tensor '", parameter.name, "' is ", dtype_name(tensor.dtype), "; expected F32, F16 or BF16");
    }
  }
}

const Parameter& GraphWeights::parameter(const Node& node, size_t i) const {
  return graph_.parameters[static_cast<size_t>(node.parameters.at(i))];
}

Int8Ranges GraphWeights::int8_ranges() const {
  const auto it = file_.metadata().find(kInt8Key);
  return it == file_.metadata().end() ? Int8Ranges() : parse_int8_ranges(where_ + ": " + kInt8Key, it->second);
}

std::vector<float> GraphWeights::of(const Node& node, size_t i) const {
  const std::string& name = parameter(node, i).name;
  const TensorView& tensor = file_.at(name);
  std::vector<float> values(static_cast<size_t>(tensor.numel()));
  decode_floats(tensor.dtype, tensor.bytes.data(), values);
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
    fail(where_, "tensor '", name, "' holds NaN or infinite values; such a network is not worth exporting");
  }
  return values;
}

}  // namespace retort
