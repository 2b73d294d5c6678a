/// \file onnx_graph.h
/// An ONNX model as it is put together: nodes, constants, one input, one output, written as protobuf (ONNX 1.12's
/// onnx.proto, opset 17).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"
#include "retort/graph.h"

namespace retort {

/// An attribute of a node: its name and value.
using OnnxAttribute = std::pair<std::string_view, std::variant<int64_t, float, std::vector<int64_t>>>;

enum class OnnxType { f32 = 1, u8 = 2 };

class OnnxGraph {
 public:
  /// Adds a node that comes after those it reads and gives `output`, which it returns. Names of values are unique; a
  /// node is called as what it gives.
  std::string node(std::string_view type, const std::vector<std::string>& inputs, const std::string& output,
                   const std::vector<OnnxAttribute>& attributes = {});
  /// Adds a constant and returns its name.
  std::string floats(const std::string& name, const Shape& shape, std::span<const float> values);
  std::string integers(const std::string& name, const std::vector<int64_t>& values);
  std::string scalar(const std::string& name, double value);

  /// `shape` without the batch, which is free.
  void set_input(const std::string& name, OnnxType type, const Shape& shape);
  void set_output(const std::string& name, const Shape& shape);

  /// Writes the file atomically; the same graph gives the same bytes. Throws Error, also beyond protobuf's 2 GB.
  void write(const fs::path& file, const std::string& name, const std::map<std::string, std::string>& metadata) const;

 private:
  std::string nodes_, constants_, input_, output_;  ///< serialised fields of GraphProto
};

}  // namespace retort
