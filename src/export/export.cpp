#include "retort/export.h"

#include <algorithm>

#include "export/combiner.h"
#include "export/lower.h"
#include "export/quantise.h"
#include "export/source.h"
#include "weights/config.h"
#include "weights/onnx_metadata.h"

namespace retort {

namespace {

/// How pixels have become what a network sees: (pixel / 255 - mean) / std, by channel.
struct Normalisation {
  std::vector<double> mean, std;
  bool operator==(const Normalisation&) const = default;
};

Normalisation of(const ModelConfig& config) { return {config.preprocess.mean, config.preprocess.std}; }

/// The one input of a graph as each member sees it.
class Input {
 public:
  Input(OnnxGraph& out, const ModelConfig& first, bool uint8) : out_(out), given_(of(first)), image_("input") {
    const ImageShape& s = first.preprocess.size;
    if (!uint8) {
      out.set_input(image_, OnnxType::f32, {s.channels, s.height, s.width});
      return;
    }
    out.set_input(image_, OnnxType::u8, {s.height, s.width, s.channels});
    const auto channels = static_cast<size_t>(s.channels);
    given_ = {std::vector<double>(channels, 0.0), std::vector<double>(channels, 1 / 255.0)};
    image_ = out.node("Cast", {image_}, "/input/floats", {{"to", static_cast<int64_t>(OnnxType::f32)}});
    image_ = out.node("Transpose", {image_}, "/input/channels_first", {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});
  }

  /// Names what a member of this normalisation sees. `prefix` is the member's.
  std::string as(const Normalisation& wanted, const std::string& prefix) {
    if (wanted == given_) return image_;
    for (const auto& [made, name] : made_) {
      if (made == wanted) return name;
    }
    std::vector<float> factor, shift;
    for (size_t c = 0; c < given_.mean.size(); ++c) {
      factor.push_back(static_cast<float>(given_.std[c] / wanted.std[c]));
      shift.push_back(static_cast<float>((given_.mean[c] - wanted.mean[c]) / wanted.std[c]));
    }
    const Shape shape{std::ssize(factor), 1, 1};
    std::string name =
        out_.node("Mul", {image_, out_.floats(prefix + "input:factor", shape, factor)}, "/" + prefix + "input/scaled");
    name =
        out_.node("Add", {name, out_.floats(prefix + "input:shift", shape, shift)}, "/" + prefix + "input/normalised");
    made_.emplace_back(wanted, name);
    return name;
  }

 private:
  OnnxGraph& out_;
  Normalisation given_;
  std::string image_;
  std::vector<std::pair<Normalisation, std::string>> made_;
};

std::string size_text(const ModelConfig& c) {
  const ImageShape& s = c.preprocess.size;
  return str(s.channels, " x ", s.height, " x ", s.width, ", ", interpolation_name(c.preprocess.interpolation),
             ", crop ", c.preprocess.crop_pct, " ", crop_name(c.preprocess.crop));
}

// One input serves all networks where only their normalisation differs.
void check_networks(const ExportSource& source) {
  const ExportNetwork& first = source.networks.front();
  for (const ExportNetwork& network : source.networks) {
    Preprocess a = first.config.preprocess, b = network.config.preprocess;
    a.mean = b.mean, a.std = b.std;
    if (a != b) {
      fail_usage(source.name, "members see images differently: ", first.name, " ", size_text(first.config), ", ",
                 network.name, " ", size_text(network.config), "; one graph has one input; export them one by one");
    }
    if (network.config.num_classes != first.config.num_classes) {
      fail(source.name, network.name, " has ", network.config.num_classes, " classes, ", first.name, " ",
           first.config.num_classes, "; use models that belong together");
    }
  }
}

std::vector<Lowered> lower_networks(OnnxGraph& out, const ExportSource& source, bool uint8) {
  Input input(out, source.networks.front().config, uint8);
  std::vector<Lowered> lowered;
  for (const ExportNetwork& network : source.networks) {
    const std::string prefix = source.networks.size() > 1 ? str("member", lowered.size(), "/") : "";
    const ImageShape& s = network.config.preprocess.size;
    const GraphWeights weights(weights_path(network.directory), network.graph);
    lowered.push_back(lower_graph(out, network.graph, weights, {s.channels, s.height, s.width},
                                  input.as(of(network.config), prefix), prefix));
  }
  return lowered;
}

// One answer of the networks' logits. `prefix` tells ensembles within an ensemble apart.
std::string lower_mix(OnnxGraph& out, const ExportMix& mix, const std::vector<std::string>& networks,
                      const std::string& prefix) {
  std::vector<std::string> parts;
  for (const ExportMix::Part& part : mix.parts) {
    parts.push_back(part.mix ? lower_mix(out, *part.mix, networks, str(prefix, "part", parts.size(), "/"))
                             : networks[part.network]);
  }
  std::string logits = parts.front();
  if (!mix.combiner.empty()) logits = lower_combiner(out, mix.combiner, mix.fitted, parts, prefix + "combiner/");
  if (!mix.calibration) return logits;
  return lower_combiner(out, mix.calibration->spec, mix.calibration->fitted, {logits}, prefix + "calibration/");
}

// What a reader needs to know of the file as a whole.
ModelConfig config_of(const ExportSource& source) {
  ModelConfig config = source.networks.front().config;
  for (const ExportNetwork& network : source.networks) {
    if (config.label_names.empty()) config.label_names = network.config.label_names;
  }
  if (source.mix.combiner.empty()) return config;
  return {.architecture = "ensemble",
          .num_classes = config.num_classes,
          .preprocess = config.preprocess,
          .label_names = config.label_names};
}

std::map<std::string, std::string> metadata_of(const ExportSource& source, const std::optional<Int8Plan>& int8) {
  Json provenance = source.provenance;
  if (int8) provenance["int8"] = {{"in_float32", int8->skip}};
  return {{kOnnxVersionKey, kOnnxVersion},
          {kConfigKey, config_text(source.name, config_of(source))},
          {kProvenanceKey, provenance.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"}};
}

}  // namespace

struct OnnxExport::State {
  bool softmax = false;
  ExportSource source;
  OnnxGraph networks;  ///< in float32, without what comes after them
  std::vector<std::string> logits;
  OnnxFacts facts;
};

OnnxExport::OnnxExport(const std::string& model, const OnnxOptions& options, const Monitor& monitor)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.softmax = options.softmax;
  s.source = read_export_source(model, monitor);
  check_networks(s.source);
  if (!options.calibrated) s.source.mix.calibration.reset();
  s.facts = {.config = config_of(s.source), .data = s.source.provenance.value("data", "")};
  for (Lowered& network : lower_networks(s.networks, s.source, options.uint8)) {
    s.logits.push_back(network.logits);
    std::ranges::move(network.layers, std::back_inserter(s.facts.int8_layers));
    s.facts.int8_trained.merge(network.trained);
  }
}

OnnxExport::~OnnxExport() = default;
OnnxExport::OnnxExport(OnnxExport&&) noexcept = default;

const OnnxFacts& OnnxExport::facts() const { return state_->facts; }

void OnnxExport::write(const std::filesystem::path& file, const std::optional<Int8Plan>& int8) const {
  const State& s = *state_;
  OnnxGraph out = s.networks;
  if (int8) quantise(out, s.facts.int8_layers, *int8);
  const std::string logits = lower_mix(out, s.source.mix, s.logits, "");
  const std::string output = s.softmax ? "probabilities" : "logits";
  if (s.softmax) {
    out.node("Softmax", {logits}, output, {{"axis", int64_t{-1}}});
  } else {
    out.node("Identity", {logits}, output);  // which runtimes drop
  }
  out.set_output(output, {s.facts.config.num_classes});
  out.write(file, s.source.name, metadata_of(s.source, int8));
}

}  // namespace retort
