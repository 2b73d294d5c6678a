#include "infer/onnx_file.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>

#include "retort/base.h"

namespace retort {

namespace {

constexpr int64_t kNewestOpset = 27;  // that OpenVINO 2026.4 has

// Field numbers of onnx.proto's ModelProto and OperatorSetIdProto.
constexpr protozero::pbf_tag_type kGraph = 7, kOpsetImport = 8, kDomain = 1, kVersion = 2;

int64_t version_of(protozero::pbf_reader opset) {
  int64_t version = 0;
  bool onnx = true;
  while (opset.next()) {
    if (opset.tag_and_type() == protozero::tag_and_type(kDomain, protozero::pbf_wire_type::length_delimited)) {
      const std::string domain = opset.get_string();
      onnx = domain.empty() || domain == "ai.onnx";
    } else if (opset.tag_and_type() == protozero::tag_and_type(kVersion, protozero::pbf_wire_type::varint)) {
      version = opset.get_int64();
    } else {
      opset.skip();
    }
  }
  return onnx ? version : 0;
}

}  // namespace

int64_t onnx_opset(std::string_view where, std::span<const std::byte> bytes) {
  int64_t version = 0;
  bool has_graph = false;
  try {
    protozero::pbf_reader model(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (model.next()) {
      has_graph |= model.tag() == kGraph;
      if (model.tag_and_type() == protozero::tag_and_type(kOpsetImport, protozero::pbf_wire_type::length_delimited)) {
        version = std::max(version, version_of(model.get_message()));
      } else {
        model.skip();
      }
    }
  } catch (const protozero::exception&) {
    fail(where, "not a whole ONNX file: ", bytes.size(), " bytes that end or go wrong inside a field; copy it again");
  }
  if (!has_graph) fail(where, "holds no graph; expected an ONNX model; copy the file again");
  return version;
}

void check_onnx_file(const fs::path& file) {
  const MappedFile mapped(file);
  const int64_t opset = onnx_opset(file.string(), mapped.bytes());
  if (opset <= kNewestOpset) return;
  fail(file.string(), "is of opset ", opset, "; this OpenVINO knows up to ", kNewestOpset,
       "; export it with an older opset_version");
}

}  // namespace retort
