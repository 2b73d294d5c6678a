#include "export/onnx_graph.h"

#include <array>
#include <protozero/pbf_writer.hpp>

namespace retort {

namespace {

using protozero::pbf_writer;

constexpr int64_t kIrVersion = 8, kOpset = 17;  // of ONNX 1.12, which every runtime of the last years reads
constexpr size_t kLargestMessage = (size_t{1} << 31) - 1;

// Field numbers of onnx.proto, by message.
namespace model {
enum : uint32_t { ir_version = 1, producer_name = 2, graph = 7, opset_import = 8, metadata_props = 14 };
}
namespace opset {
enum : uint32_t { version = 2 };
}
namespace property {
enum : uint32_t { key = 1, value = 2 };
}
namespace graph {
enum : uint32_t { node = 1, name = 2, initializer = 5, input = 11, output = 12 };
}
namespace node {
enum : uint32_t { input = 1, output = 2, name = 3, op_type = 4, attribute = 5 };
}
namespace attribute {
enum : uint32_t { name = 1, f = 2, i = 3, ints = 8, type = 20 };
enum : int32_t { kFloat = 1, kInt = 2, kInts = 7 };
}  // namespace attribute
namespace tensor {
enum : uint32_t { dims = 1, data_type = 2, name = 8, raw_data = 9 };
enum : int32_t { kFloat = 1, kInt64 = 7 };
}  // namespace tensor
namespace value_info {
enum : uint32_t {
  name = 1,
  type = 2,
  tensor_type = 1,
  elem_type = 1,
  shape = 2,
  dim = 1,
  dim_value = 1,
  dim_param = 2
};
}

void add_attribute(pbf_writer& node, const OnnxAttribute& a) {
  pbf_writer out(node, node::attribute);
  out.add_string(attribute::name, a.first.data(), a.first.size());
  if (const auto* i = std::get_if<int64_t>(&a.second)) {
    out.add_int64(attribute::i, *i);
    out.add_enum(attribute::type, attribute::kInt);
  } else if (const auto* f = std::get_if<float>(&a.second)) {
    out.add_float(attribute::f, *f);
    out.add_enum(attribute::type, attribute::kFloat);
  } else {
    for (const int64_t v : std::get<std::vector<int64_t>>(a.second)) out.add_int64(attribute::ints, v);
    out.add_enum(attribute::type, attribute::kInts);
  }
}

void add_tensor(std::string& out, const std::string& name, int32_t type, const Shape& shape,
                std::span<const std::byte> bytes) {
  pbf_writer fields(out);
  pbf_writer tensor(fields, graph::initializer);
  for (const int64_t d : shape) tensor.add_int64(tensor::dims, d);
  tensor.add_enum(tensor::data_type, type);
  tensor.add_string(tensor::name, name);
  tensor.add_bytes(tensor::raw_data, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string value_field(uint32_t tag, const std::string& name, OnnxType type, const Shape& shape) {
  std::string out;
  pbf_writer fields(out);
  pbf_writer value(fields, tag);
  value.add_string(value_info::name, name);
  pbf_writer value_type(value, value_info::type);
  pbf_writer tensor(value_type, value_info::tensor_type);
  tensor.add_enum(value_info::elem_type, static_cast<int32_t>(type));
  pbf_writer dims(tensor, value_info::shape);
  pbf_writer(dims, value_info::dim).add_string(value_info::dim_param, "batch");
  for (const int64_t d : shape) pbf_writer(dims, value_info::dim).add_int64(value_info::dim_value, d);
  return out;
}

// All of ModelProto but the graph.
std::string model_fields(const std::map<std::string, std::string>& metadata) {
  std::string out;
  pbf_writer model(out);
  model.add_int64(model::ir_version, kIrVersion);
  model.add_string(model::producer_name, "retort");
  pbf_writer(model, model::opset_import).add_int64(opset::version, kOpset);
  for (const auto& [key, value] : metadata) {
    pbf_writer entry(model, model::metadata_props);
    entry.add_string(property::key, key);
    entry.add_string(property::value, value);
  }
  return out;
}

// What opens a field of `size` bytes.
std::string field_header(uint32_t tag, size_t size) {
  std::string out;
  protozero::write_varint(std::back_inserter(out),
                          tag << 3 | static_cast<uint32_t>(protozero::pbf_wire_type::length_delimited));
  protozero::write_varint(std::back_inserter(out), size);
  return out;
}

}  // namespace

std::string OnnxGraph::node(std::string_view type, const std::vector<std::string>& inputs, const std::string& output,
                            const std::vector<OnnxAttribute>& attributes) {
  pbf_writer fields(nodes_);
  pbf_writer node(fields, graph::node);
  for (const std::string& input : inputs) node.add_string(node::input, input);
  node.add_string(node::output, output);
  node.add_string(node::name, output);
  node.add_string(node::op_type, type.data(), type.size());
  for (const OnnxAttribute& attribute : attributes) add_attribute(node, attribute);
  return output;
}

std::string OnnxGraph::floats(const std::string& name, const Shape& shape, std::span<const float> values) {
  add_tensor(constants_, name, tensor::kFloat, shape, std::as_bytes(values));
  return name;
}

std::string OnnxGraph::integers(const std::string& name, const std::vector<int64_t>& values) {
  add_tensor(constants_, name, tensor::kInt64, {std::ssize(values)}, std::as_bytes(std::span(values)));
  return name;
}

std::string OnnxGraph::scalar(const std::string& name, double value) {
  const auto number = static_cast<float>(value);
  return floats(name, {}, std::span(&number, 1));
}

void OnnxGraph::set_input(const std::string& name, OnnxType type, const Shape& shape) {
  input_ = value_field(graph::input, name, type, shape);
}

void OnnxGraph::set_output(const std::string& name, const Shape& shape) {
  output_ = value_field(graph::output, name, OnnxType::f32, shape);
}

void OnnxGraph::write(const fs::path& file, const std::string& name,
                      const std::map<std::string, std::string>& metadata) const {
  std::string name_field;
  pbf_writer(name_field).add_string(graph::name, name);
  const std::string head = model_fields(metadata);
  const size_t size = nodes_.size() + name_field.size() + constants_.size() + input_.size() + output_.size();
  if (head.size() + size + 16 > kLargestMessage) {
    fail(file.string(), "the graph takes ", size,
         " bytes; an ONNX file holds up to 2 GB; export its members one by one");
  }
  AtomicFile out(file);
  out.write(head);
  out.write(field_header(model::graph, size));
  const std::array<std::string_view, 5> parts{nodes_, name_field, constants_, input_, output_};
  for (const std::string_view part : parts) out.write(part);
  out.commit();
}

}  // namespace retort
