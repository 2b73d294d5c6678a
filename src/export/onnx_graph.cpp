#include "export/onnx_graph.h"

#include <cstring>
#include <functional>
#include <numeric>
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
  out.add_string(attribute::name, a.first);
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

void add_node(pbf_writer& fields, const OnnxNode& n) {
  pbf_writer out(fields, graph::node);
  for (const std::string& input : n.inputs) out.add_string(node::input, input);
  out.add_string(node::output, n.output);
  out.add_string(node::name, n.output);
  out.add_string(node::op_type, n.type);
  for (const OnnxAttribute& attribute : n.attributes) add_attribute(out, attribute);
}

void add_constant(pbf_writer& fields, const std::string& name, const OnnxConstant& c) {
  pbf_writer out(fields, graph::initializer);
  for (const int64_t d : c.shape) out.add_int64(tensor::dims, d);
  out.add_enum(tensor::data_type, static_cast<int32_t>(c.type));
  out.add_string(tensor::name, name);
  out.add_bytes(tensor::raw_data, reinterpret_cast<const char*>(c.bytes.data()), c.bytes.size());
}

void add_value(pbf_writer& fields, uint32_t tag, const std::string& name, OnnxType type, const Shape& shape) {
  pbf_writer value(fields, tag);
  value.add_string(value_info::name, name);
  pbf_writer value_type(value, value_info::type);
  pbf_writer tensor(value_type, value_info::tensor_type);
  tensor.add_enum(value_info::elem_type, static_cast<int32_t>(type));
  pbf_writer dims(tensor, value_info::shape);
  pbf_writer(dims, value_info::dim).add_string(value_info::dim_param, "batch");
  for (const int64_t d : shape) pbf_writer(dims, value_info::dim).add_int64(value_info::dim_value, d);
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

int64_t OnnxConstant::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<float> OnnxConstant::floats() const {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string OnnxGraph::node(std::string type, std::vector<std::string> inputs, const std::string& output,
                            std::vector<OnnxAttribute> attributes) {
  nodes.push_back({std::move(type), std::move(inputs), output, std::move(attributes)});
  return output;
}

std::string OnnxGraph::constant(const std::string& name, OnnxType type, Shape shape, std::span<const std::byte> bytes) {
  constants[name] = {type, std::move(shape), {bytes.begin(), bytes.end()}};
  return name;
}

std::string OnnxGraph::floats(const std::string& name, const Shape& shape, std::span<const float> values) {
  return constant(name, OnnxType::f32, shape, std::as_bytes(values));
}

std::string OnnxGraph::integers(const std::string& name, const std::vector<int64_t>& values) {
  return constant(name, OnnxType::i64, {std::ssize(values)}, std::as_bytes(std::span(values)));
}

std::string OnnxGraph::scalar(const std::string& name, double value) {
  const auto number = static_cast<float>(value);
  return floats(name, {}, std::span(&number, 1));
}

void OnnxGraph::set_input(const std::string& name, OnnxType type, const Shape& shape) { input_ = {name, type, shape}; }

void OnnxGraph::set_output(const std::string& name, const Shape& shape) { output_ = {name, OnnxType::f32, shape}; }

void OnnxGraph::write(const fs::path& file, const std::string& name,
                      const std::map<std::string, std::string>& metadata) const {
  std::string body;
  pbf_writer fields(body);
  for (const OnnxNode& n : nodes) add_node(fields, n);
  fields.add_string(graph::name, name);
  for (const auto& [constant_name, constant] : constants) add_constant(fields, constant_name, constant);
  add_value(fields, graph::input, input_.name, input_.type, input_.shape);
  add_value(fields, graph::output, output_.name, output_.type, output_.shape);
  const std::string head = model_fields(metadata);
  if (head.size() + body.size() + 16 > kLargestMessage) {
    fail(file.string(), "the graph takes ", body.size(),
         " bytes; an ONNX file holds up to 2 GB; export its members one by one");
  }
  AtomicFile out(file);
  out.write(head);
  out.write(field_header(model::graph, body.size()));
  out.write(body);
  out.commit();
}

}  // namespace retort
