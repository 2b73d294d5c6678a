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
using OnnxAttribute = std::pair<std::string, std::variant<int64_t, float, std::vector<int64_t>>>;

/// As onnx.proto numbers them.
enum class OnnxType { f32 = 1, u8 = 2, i8 = 3, i64 = 7 };

struct OnnxNode {
  std::string type;
  std::vector<std::string> inputs;
  std::string output;  ///< also the node's name
  std::vector<OnnxAttribute> attributes;
  bool reads_rounded = true;  ///< a value that is rounded for others (graph/int8.h)
};

struct OnnxConstant {
  OnnxType type;
  Shape shape;
  std::vector<std::byte> bytes;

  int64_t numel() const;
  /// Of an f32.
  std::vector<float> floats() const;
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;  ///< each after those that it reads
  std::map<std::string, OnnxConstant> constants;

  /// Adds a node and returns `output`. Names of values are unique.
  std::string node(std::string type, std::vector<std::string> inputs, const std::string& output,
                   std::vector<OnnxAttribute> attributes = {});
  /// Each adds a constant, in place of one of that name, and returns its name.
  std::string constant(const std::string& name, OnnxType type, Shape shape, std::span<const std::byte> bytes);
  std::string floats(const std::string& name, const Shape& shape, std::span<const float> values);
  std::string integers(const std::string& name, const std::vector<int64_t>& values);
  std::string scalar(const std::string& name, double value);

  /// `shape` without the batch, which is free.
  void set_input(const std::string& name, OnnxType type, const Shape& shape);
  void set_output(const std::string& name, const Shape& shape);
  const std::string& input() const { return input_.name; }

  /// Writes the file atomically; the same graph gives the same bytes. Throws Error, also beyond protobuf's 2 GB.
  void write(const fs::path& file, const std::string& name, const std::map<std::string, std::string>& metadata) const;

 private:
  struct Port {
    std::string name;
    OnnxType type = OnnxType::f32;
    Shape shape;
  };
  Port input_, output_;
};

}  // namespace retort
