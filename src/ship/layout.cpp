#include "ship/layout.h"

#include "base/file.h"

namespace retort {

namespace {

// Triton's text form of a model's configuration. A batch is its first dimension, which is not listed.
std::string triton_config(const std::string& name, const std::string& ending, const OnnxFacts& facts,
                          const OnnxOptions& options) {
  const ImageShape& s = facts.config.preprocess.size;
  const std::string dims =
      options.uint8 ? str(s.height, ", ", s.width, ", ", s.channels) : str(s.channels, ", ", s.height, ", ", s.width);
  return str(
      "name: \"", name, "\"\nbackend: \"", ending == ".xml" ? "openvino" : "onnxruntime",
      "\"\nmax_batch_size: 64\ninput [ { name: \"input\" data_type: ", options.uint8 ? "TYPE_UINT8" : "TYPE_FP32",
      " dims: [ ", dims, " ] } ]\noutput [ { name: \"", options.softmax ? "probabilities" : "logits",
      "\" data_type: TYPE_FP32 dims: [ ", facts.config.num_classes, " ]",
      facts.config.label_names.empty() ? "" : " label_filename: \"labels.txt\"", " } ]\ndynamic_batching { }\n");
}

std::string one_a_line(const std::vector<std::string>& names) {
  std::string text;
  for (std::string name : names) {
    std::replace(name.begin(), name.end(), '\n', ' ');
    text += name + "\n";
  }
  return text;
}

}  // namespace

std::filesystem::path file_in_layout(const std::string& layout, const std::string& ending) {
  if (layout == "hf") return "model" + ending;
  if (layout == "ovms" || layout == "triton") return fs::path("1") / ("model" + ending);
  fail_usage("export", "layout is '", layout, "'; expected ovms, triton or hf");
}

void write_layout(const std::string& layout, const std::filesystem::path& directory, const std::string& name,
                  const std::string& ending, const OnnxFacts& facts, const OnnxOptions& options) {
  if (layout == "hf") return write_config(directory, facts.config);
  if (layout != "triton") return;
  write_file(directory / "config.pbtxt", triton_config(name, ending, facts, options));
  if (!facts.config.label_names.empty()) write_file(directory / "labels.txt", one_a_line(facts.config.label_names));
}

}  // namespace retort
