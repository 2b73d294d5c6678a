#include "export/quantise.h"

#include <algorithm>
#include <cmath>

#include "graph/int8.h"

namespace retort {

namespace {

bool is_product(const OnnxGraph& graph, const OnnxNode& node) {
  const bool type = node.type == "Conv" || node.type == "Gemm" || node.type == "MatMul";
  return type && graph.constants.contains(node.inputs.at(1));
}

/// The weights of a Conv, Gemm or MatMul as numbers of outputs and of what each output sums over.
struct Weights {
  OnnxConstant& constant;
  int64_t axis, outputs, inner;

  Weights(OnnxGraph& graph, const OnnxNode& node)
      : constant(graph.constants.at(node.inputs[1])),
        axis(node.type == "MatMul" ? 1 : 0),
        outputs(constant.shape[static_cast<size_t>(axis)]),
        inner(constant.numel() / outputs) {}
  size_t at(int64_t output, int64_t i) const {
    return static_cast<size_t>(axis == 0 ? output * inner + i : i * outputs + output);
  }
  /// The channel of the input, of `channels`, that weight `i` of an output meets.
  int64_t channel(int64_t output, int64_t i, int64_t channels) const {
    if (constant.shape.size() != 4) return i;
    const int64_t per_group = constant.shape[1], groups = channels / per_group;
    return output / (outputs / groups) * per_group + i / (constant.shape[2] * constant.shape[3]);
  }
};

struct Rounded {
  std::vector<int8_t> values;
  std::vector<float> scales;  ///< one an output
};

Rounded round_weights(const Weights& w, std::span<const float> values) {
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  const float least = least_channel(largest);
  Rounded out{std::vector<int8_t>(values.size()), {}};
  for (int64_t o = 0; o < w.outputs; ++o) {
    float high = least;
    for (int64_t i = 0; i < w.inner; ++i) high = std::max(high, std::abs(values[w.at(o, i)]));
    const float scale = high / kInt8Weights;
    out.scales.push_back(scale);
    for (int64_t i = 0; i < w.inner; ++i) {
      const float steps = std::nearbyint(values[w.at(o, i)] / scale);
      out.values[w.at(o, i)] = static_cast<int8_t>(std::clamp(steps, -kInt8Weights, kInt8Weights));
    }
  }
  return out;
}

class Quantiser {
 public:
  Quantiser(OnnxGraph& graph, const std::vector<Int8Layer>& layers, const Int8Plan& plan) : graph_(graph), plan_(plan) {
    std::set<std::string> unknown = plan.skip;
    for (const Int8Layer& layer : layers) {
      unknown.erase(layer.name);
      if (plan.skip.contains(layer.name)) {
        in_float_.insert(layer.name);
        continue;
      }
      in_int8_.insert(layer.name);
      values_.insert(layer.inputs.begin(), layer.inputs.end());
    }
    if (!unknown.empty()) fail_usage("export", "there is no layer '", *unknown.begin(), "' to leave in float32");
  }

  void run() {
    const std::vector<OnnxNode> nodes = std::exchange(graph_.nodes, {});
    add_pair(graph_.input());
    for (OnnxNode node : nodes) {
      if (in_int8_.contains(node.output) && is_product(graph_, node)) quantise_weights(node, nodes);
      for (std::string& input : node.inputs) {
        if (values_.contains(input) && reads_rounded(node)) input = rounded(input);
      }
      graph_.nodes.push_back(node);
      add_pair(node.output);
    }
  }

 private:
  static std::string rounded(const std::string& value) { return value + "/dequantised"; }

  // All that can read a quantised value rounded do, but for layers that are left in float32.
  bool reads_rounded(const OnnxNode& node) const {
    return in_int8_.contains(node.output) || (!in_float_.contains(node.output) && node.reads_rounded);
  }

  void add_pair(const std::string& value) {
    if (!values_.contains(value)) return;
    const auto it = plan_.values.find(value);
    if (it == plan_.values.end()) fail("export", "nothing is known of the range of '", value, "'");
    const Int8Steps steps = int8_steps({it->second.low, it->second.high});
    const std::string s = graph_.scalar(value + ":scale", steps.scale);
    const std::string z = graph_.constant(value + ":zero", OnnxType::u8, {}, std::as_bytes(std::span(&steps.zero, 1)));
    graph_.node("DequantizeLinear", {graph_.node("QuantizeLinear", {value, s, z}, value + "/quantised"), s, z},
                rounded(value));
  }

  void quantise_weights(OnnxNode& node, const std::vector<OnnxNode>& nodes) {
    const Weights w(graph_, node);
    const std::vector<float> values = w.constant.floats();
    const Rounded r = round_weights(w, values);
    if (const auto& means = plan_.values.at(node.inputs[0]).means; !means.empty()) {
      correct_bias(node, nodes, w, values, r, means);
    }
    const std::string name = node.inputs[1];
    graph_.constant(name, OnnxType::i8, Shape(w.constant.shape), std::as_bytes(std::span(r.values)));
    const std::string scales = graph_.floats(name + ":scale", {w.outputs}, r.scales);
    node.inputs[1] = graph_.node("DequantizeLinear", {name, scales}, "/" + name + "/dequantised", {{"axis", w.axis}});
  }

  // The constant that is added to the product: its own, or that of the sum which follows; empty: none.
  std::string bias_of(const OnnxNode& node, const std::vector<OnnxNode>& nodes) const {
    if (node.inputs.size() > 2) return node.inputs[2];
    for (const OnnxNode& next : nodes) {
      if (next.type == "Add" && next.inputs[0] == node.output && graph_.constants.contains(next.inputs[1])) {
        return next.inputs[1];
      }
    }
    return {};
  }

  void correct_bias(OnnxNode& node, const std::vector<OnnxNode>& nodes, const Weights& w, std::span<const float> values,
                    const Rounded& r, const std::vector<double>& means) {
    std::string name = bias_of(node, nodes);
    if (name.empty()) {
      if (node.type != "Conv") return;
      name = graph_.floats(node.inputs[1] + ":bias", {w.outputs}, std::vector<float>(r.scales.size()));
      node.inputs.push_back(name);
    }
    std::vector<float> bias = graph_.constants.at(name).floats();
    for (int64_t o = 0; o < w.outputs; ++o) {
      double shift = 0;
      for (int64_t i = 0; i < w.inner; ++i) {
        const size_t k = w.at(o, i);
        const double error = values[k] - static_cast<double>(r.values[k]) * r.scales[static_cast<size_t>(o)];
        shift += error * means.at(static_cast<size_t>(w.channel(o, i, std::ssize(means))));
      }
      bias[static_cast<size_t>(o)] += static_cast<float>(shift);
    }
    graph_.floats(name, {w.outputs}, bias);
  }

  OnnxGraph& graph_;
  const Int8Plan& plan_;
  std::set<std::string> in_int8_, in_float_;  ///< layers
  std::set<std::string> values_;              ///< that are quantised
};

}  // namespace

void quantise(OnnxGraph& graph, const std::vector<Int8Layer>& layers, const Int8Plan& plan) {
  Quantiser(graph, layers, plan).run();
}

}  // namespace retort
