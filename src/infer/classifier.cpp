#include "infer/classifier.h"

#include <algorithm>
#include <openvino/op/constant.hpp>

#include "weights/config.h"
#include "weights/onnx_metadata.h"

namespace retort {

namespace {

std::string name_of(const ov::Output<ov::Node>& port) {
  return port.get_names().empty() ? "without a name" : "'" + port.get_any_name() + "'";
}

std::string describe(const std::vector<ov::Output<ov::Node>>& ports) {
  std::vector<std::string> words;
  for (const auto& port : ports) words.push_back(name_of(port) + " " + port.get_partial_shape().to_string());
  return join(words);
}

// A string that the file carries, or "".
std::string metadata(const ov::Model& model, const std::string& key) {
  // Where OpenVINO's frontend puts ONNX's metadata_props, and where an .xml made of one has them.
  constexpr const char* kSection = "framework";
  return model.has_rt_info({kSection, key}) ? model.get_rt_info<std::string>({kSection, key}) : "";
}

// The channels' axis of [N, C, H, W] or [N, H, W, C].
size_t find_channels(const std::string& where, const ov::Output<ov::Node>& input, int64_t channels) {
  const ov::PartialShape& shape = input.get_partial_shape();
  if (shape.rank().is_dynamic() || shape.size() != 4) {
    fail(where, "its input ", describe({input}), " is no image; expected [N, C, H, W] or [N, H, W, C]");
  }
  if (shape[0].is_static()) {
    fail(where, "its batch is fixed at ", shape[0].get_length(),
         "; expected a free one; export it with a dynamic batch");
  }
  for (const size_t axis : {size_t{1}, size_t{3}}) {
    if (shape[axis].is_static() && shape[axis].get_length() == channels) return axis;
  }
  fail(where, "its input ", describe({input}), " has no axis of ", channels,
       " channels, which its preprocessing makes; correct the config.json");
}

ov::Output<ov::Node> find_input(const std::string& where, const ov::Model& model) {
  const auto inputs = std::as_const(model).inputs();
  if (inputs.size() != 1) {
    fail(where, "has ", inputs.size(), " inputs; expected one, images");
  }
  const ov::element::Type type = model.input().get_element_type();
  if (type == ov::element::f32 || type == ov::element::f16 || type == ov::element::u8)
    return model.get_parameters()[0]->output(0);
  fail(where, "its input is of ", type.get_type_name(), "; expected float32, float16 or uint8");
}

// The index of the only output [N, classes]; of several the only one of as many classes as the preprocessing knows.
size_t find_output(const std::string& where, const ov::Model& model, int64_t classes) {
  std::vector<size_t> found;
  const auto outputs = std::as_const(model).outputs();
  const auto width = [&](size_t i) { return outputs[i].get_partial_shape()[1].get_length(); };
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ov::PartialShape shape = outputs[i].get_partial_shape();
    if (shape.rank().is_static() && shape.size() == 2 && shape[1].is_static()) found.push_back(i);
  }
  if (found.size() > 1) std::erase_if(found, [&](size_t i) { return width(i) != classes; });
  std::vector<ov::Output<ov::Node>> ports;
  for (const auto& output : outputs) ports.emplace_back(output.get_node()->input_value(0));
  if (found.size() != 1) {
    fail(where, found.empty() ? "no output is" : "several outputs are", " [N, classes]: ", describe(ports),
         "; expected one classifier's");
  }
  if (width(found[0]) != classes) {
    fail(where, "answers with ", width(found[0]), " classes; its preprocessing says num_classes ", classes,
         "; they contradict each other");
  }
  if (outputs[found[0]].get_partial_shape()[0].is_static()) {
    fail(where, "its output ", describe({ports[found[0]]}), " has a fixed batch; export it with a dynamic batch");
  }
  return found[0];
}

// Sides of the images: the graph's where they are fixed, else `img_size`, else the preprocessing's.
void fit_size(const std::string& where, const ov::PartialShape& shape, size_t channels, int64_t img_size,
              ImageShape& size) {
  const size_t rows = channels == 1 ? 2 : 1;
  const auto fit = [&](const ov::Dimension& fixed, int64_t& side) {
    const int64_t wanted = img_size > 0 ? img_size : side;
    if (fixed.is_static() && fixed.get_length() != wanted) {
      fail(where, "takes images of ", fixed.get_length(), " pixels a side; ",
           img_size > 0 ? "--img-size asks for " : "its preprocessing makes ", wanted,
           "; export it for that size, or leave sizes open");
    }
    side = wanted;
  };
  fit(shape[rows], size.height);
  fit(shape[rows + 1], size.width);
}

bool holds_int8(const ov::Model& model) {
  return std::ranges::any_of(model.get_ops(), [](const auto& node) {
    return ov::is_type<ov::op::v0::Constant>(node) && node->get_output_element_type(0) == ov::element::i8;
  });
}

int64_t count_parameters(const ov::Model& model) {
  int64_t count = 0;
  for (const auto& node : model.get_ops()) {
    if (!ov::is_type<ov::op::v0::Constant>(node)) continue;
    const ov::element::Type type = node->get_output_element_type(0);
    if (!type.is_real() && type != ov::element::i8) continue;
    if (ov::shape_size(node->get_output_shape(0)) > 1) {  // the others are settings
      count += static_cast<int64_t>(ov::shape_size(node->get_output_shape(0)));
    }
  }
  return count;
}

// Whether the output is what a softmax over classes gives.
bool ends_in_softmax(const ov::Output<ov::Node>& output) {
  return std::string_view(output.get_node()->get_type_name()) == "Softmax";
}

// Session's side of the model: floats, channels last.
std::shared_ptr<ov::Model> with_floats(const std::shared_ptr<ov::Model>& model, size_t channels) {
  ov::preprocess::PrePostProcessor steps(model);
  steps.input().tensor().set_element_type(ov::element::f32).set_layout("NHWC");
  steps.input().model().set_layout(channels == 1 ? "NCHW" : "NHWC");
  steps.output().tensor().set_element_type(ov::element::f32);
  return steps.build();
}

}  // namespace

ModelConfig find_config(const fs::path& file, const ov::Model& model) {
  const std::string where = file.string();
  if (const std::string version = metadata(model, kOnnxVersionKey); !version.empty() && version != kOnnxVersion) {
    fail(where, kOnnxVersionKey, " is ", version.substr(0, 20), "; this build reads version ", kOnnxVersion,
         "; use the retort that wrote it");
  }
  if (const std::string text = metadata(model, kConfigKey); !text.empty()) {
    return parse_config(where + ": " + kConfigKey, text);
  }
  const fs::path directory = file.has_parent_path() ? file.parent_path() : ".";
  if (is_there(directory / kConfigFile)) return read_config(directory);
  fail(where, "says nothing of its preprocessing; put timm's ", kConfigFile, " beside it (docs/formats.md)");
}

Classifier read_classifier(const fs::path& file, int64_t batch, int64_t img_size) {
  const std::string where = file.string();
  Classifier c{.model = read_openvino(file)};
  c.provenance = metadata(*c.model, kProvenanceKey);
  const ov::Output<ov::Node> input = find_input(where, *c.model);
  c.config = find_config(file, *c.model);
  Preprocess& preprocess = c.config.preprocess;
  const size_t channels = find_channels(where, input, preprocess.size.channels);
  const size_t index = find_output(where, *c.model, c.config.num_classes);
  fit_size(where, input.get_partial_shape(), channels, img_size, preprocess.size);
  if (input.get_element_type() == ov::element::u8) {  // normalised inside: pixels are what it sees
    const auto count = static_cast<size_t>(preprocess.size.channels);
    preprocess.mean.assign(count, 0.0), preprocess.std.assign(count, 1 / 255.0);
  }
  return with_openvino(where, "its graph does not fit images of the size that its preprocessing makes", [&] {
    const ov::Output<ov::Node> answer = c.model->outputs()[index].get_node()->input_value(0);
    c.probabilities = ends_in_softmax(answer);
    c.model = std::make_shared<ov::Model>(ov::OutputVector{answer}, c.model->get_parameters());
    c.parameters = count_parameters(*c.model);
    c.quantised = holds_int8(*c.model);
    const ImageShape& s = preprocess.size;
    const ov::Dimension n = batch > 0 ? ov::Dimension(batch) : ov::Dimension::dynamic();
    c.model->reshape(channels == 1 ? ov::PartialShape{n, s.channels, s.height, s.width}
                                   : ov::PartialShape{n, s.height, s.width, s.channels});
    c.model = with_floats(c.model, channels);
    return c;
  });
}

}  // namespace retort
