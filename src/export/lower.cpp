#include "export/lower.h"

#include <cmath>
#include <numbers>

#include "graph/int8.h"
#include "graph/rules.h"

namespace retort {

namespace {

using Values = std::vector<float>;
using Ints = std::vector<int64_t>;

int64_t numel(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t d : shape) count *= d;
  return count;
}

/// Per channel, what a batch norm does to what it is given: times `factor`, plus `shift`.
struct Affine {
  std::vector<double> factor, shift;
};

class Lowering {
 public:
  Lowering(OnnxGraph& out, const Graph& graph, const GraphWeights& weights, const Shape& image, std::string prefix)
      : out_(out),
        graph_(graph),
        weights_(weights),
        prefix_(std::move(prefix)),
        shapes_(infer_shapes(graph, image)),
        values_(graph.nodes.size()),
        firsts_(graph.nodes.size()),
        norm_of_(folded_norms(graph)) {}

  Lowered run(const std::string& input) {
    values_[0] = input;
    for (size_t i = 1; i < graph_.nodes.size(); ++i) {
      const size_t first = out_.nodes.size();
      if (values_[i].empty()) values_[i] = lower(i);  // a folded norm has its convolution's
      if (norm_of_[i] >= 0) values_[static_cast<size_t>(norm_of_[i])] = values_[i];
      for (size_t n = first; n < out_.nodes.size(); ++n)
        out_.nodes[n].reads_rounded = reads_rounded(graph_.nodes[i].op);
      if (first < out_.nodes.size()) firsts_[i] = out_.nodes[first].output;
    }
    return with_sites({.logits = values_.back()});
  }

 private:
  Lowered with_sites(Lowered lowered) const {
    const Int8Ranges trained = weights_.int8_ranges();
    for (const Int8Site& site : int8_sites(graph_)) {
      Int8Layer layer{.name = firsts_[static_cast<size_t>(site.node)], .sees_images = site.inputs[0] == 0};
      for (const int input : site.inputs) {
        const auto i = static_cast<size_t>(input);
        layer.inputs.push_back(values_[i]);
        const auto it = trained.find(graph_.nodes[i].name);
        if (it != trained.end()) lowered.trained[values_[i]] = {it->second.low, it->second.high, {}};
      }
      lowered.layers.push_back(std::move(layer));
    }
    return lowered;
  }

  // Names: values start with a slash, which no parameter does; some nodes are called as their parameter is.
  std::string value_of(const Node& node, const std::string& part = "") const {
    return "/" + prefix_ + node.name + (part.empty() ? "" : "/" + part);
  }
  const std::string& in(const Node& node, size_t i = 0) const { return values_[static_cast<size_t>(node.inputs[i])]; }
  const Shape& shape_in(const Node& node) const { return shapes_[static_cast<size_t>(node.inputs[0])]; }

  std::string floats(const std::string& name, const Shape& shape, const Values& values) {
    return out_.floats(prefix_ + name, shape, values);
  }
  std::string floats_of(const Node& node, size_t i, const Shape& shape) {
    return floats(weights_.parameter(node, i).name, shape, weights_.of(node, i));
  }
  std::string floats_of(const Node& node, size_t i) { return floats_of(node, i, weights_.parameter(node, i).shape); }
  std::string integers(const Node& node, const std::string& part, const Ints& values) {
    return out_.integers(prefix_ + node.name + ":" + part, values);
  }
  std::string scalar(const Node& node, const std::string& part, double value) {
    return out_.scalar(prefix_ + node.name + ":" + part, value);
  }
  std::string add(const char* type, const Node& node, const std::vector<std::string>& inputs,
                  const std::vector<OnnxAttribute>& attributes = {}, const std::string& part = "") {
    return out_.node(type, inputs, value_of(node, part), attributes);
  }
  std::string transpose(const Node& node, const std::string& x, const Ints& order, const std::string& part = "") {
    return add("Transpose", node, {x}, {{"perm", order}}, part);
  }
  std::string reshape(const Node& node, const std::string& x, const Ints& shape, const std::string& part = "") {
    return add("Reshape", node, {x, integers(node, (part.empty() ? "out" : part) + "_shape", shape)}, {}, part);
  }

  Affine norm(const Node& node) const {
    const Values weight = weights_.of(node, 0), bias = weights_.of(node, 1);
    const Values mean = weights_.of(node, 2), variance = weights_.of(node, 3);
    Affine a;
    for (size_t c = 0; c < weight.size(); ++c) {
      const double factor = weight[c] / std::sqrt(static_cast<double>(variance[c]) + node.eps);
      a.factor.push_back(factor);
      a.shift.push_back(bias[c] - factor * mean[c]);
    }
    return a;
  }

  std::string conv2d(const Node& node, int norm_index) {
    const Parameter& parameter = weights_.parameter(node, 0);
    Values weight = weights_.of(node, 0), bias(node.has_bias ? weights_.of(node, 1) : Values());
    if (norm_index >= 0) {
      const Affine a = norm(graph_.nodes[static_cast<size_t>(norm_index)]);
      bias.resize(a.shift.size());
      const size_t row = weight.size() / a.factor.size();
      for (size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(weight[i] * a.factor[i / row]);
      for (size_t c = 0; c < bias.size(); ++c) bias[c] = static_cast<float>(bias[c] * a.factor[c] + a.shift[c]);
    }
    std::vector<std::string> inputs{in(node), floats(parameter.name, parameter.shape, weight)};
    if (!bias.empty()) inputs.push_back(floats(node.name + ".bias", {std::ssize(bias)}, bias));
    const Node& last = norm_index >= 0 ? graph_.nodes[static_cast<size_t>(norm_index)] : node;
    return add("Conv", last, inputs,
               {{"group", node.groups},
                {"kernel_shape", Ints{node.kernel, node.kernel}},
                {"pads", Ints(4, node.padding)},
                {"strides", Ints{node.stride, node.stride}}});
  }

  // Of a norm that could not be folded.
  std::string batch_norm(const Node& node) {
    std::vector<std::string> inputs{in(node)};
    for (size_t i = 0; i < 4; ++i) inputs.push_back(floats_of(node, i));
    return add("BatchNormalization", node, inputs, {{"epsilon", static_cast<float>(node.eps)}});
  }

  std::string layer_norm(const Node& node) {
    const bool map = shape_in(node).size() == 3;
    const std::string x = map ? transpose(node, in(node), {0, 2, 3, 1}, "features_last") : in(node);
    const std::string y = add("LayerNormalization", node, {x, floats_of(node, 0), floats_of(node, 1)},
                              {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(node.eps)}}, map ? "norm" : "");
    return map ? transpose(node, y, {0, 3, 1, 2}) : y;
  }

  std::string linear(const Node& node) {
    const Shape& shape = weights_.parameter(node, 0).shape;
    if (shape_in(node).size() == 3) {  // of each pixel
      return add("Conv", node, {in(node), floats_of(node, 0, {shape[0], shape[1], 1, 1}), floats_of(node, 1)},
                 {{"kernel_shape", Ints{1, 1}}});
    }
    if (shape_in(node).size() == 1) {
      return add("Gemm", node, {in(node), floats_of(node, 0), floats_of(node, 1)}, {{"transB", int64_t{1}}});
    }
    const Values weight = weights_.of(node, 0);
    Values turned(weight.size());
    const auto rows = static_cast<size_t>(shape[0]), columns = static_cast<size_t>(shape[1]);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) turned[c * rows + r] = weight[r * columns + c];
    }
    const std::string w = floats(weights_.parameter(node, 0).name, {shape[1], shape[0]}, turned);
    return add("Add", node, {add("MatMul", node, {in(node), w}, {}, "matmul"), floats_of(node, 1)});
  }

  // x * (1 + erf(x / sqrt 2)) / 2: opset 17 has no Gelu, and runtimes know this one by its shape.
  std::string gelu(const Node& node) {
    const std::string& x = in(node);
    const std::string scaled = add("Div", node, {x, scalar(node, "sqrt2", std::numbers::sqrt2)}, {}, "scaled");
    const std::string erf = add("Erf", node, {scaled}, {}, "erf");
    const std::string sum = add("Add", node, {erf, scalar(node, "one", 1)}, {}, "sum");
    const std::string product = add("Mul", node, {x, sum}, {}, "product");
    return add("Mul", node, {product, scalar(node, "half", 0.5)});
  }

  std::string pool(size_t index) {
    const Node& node = graph_.nodes[index];
    const Shape &from = shape_in(node), &to = shapes_[index];
    Ints pads(4, node.padding);
    // Rounding up is padding at the end, which no runtime takes for something else.
    for (size_t side = 0; side < 2; ++side) {
      const int64_t reach = (to[side + 1] - 1) * node.stride + node.kernel - node.padding - from[side + 1];
      pads[side + 2] = std::max(node.padding, reach);
    }
    std::vector<OnnxAttribute> attributes{
        {"kernel_shape", Ints{node.kernel, node.kernel}}, {"pads", pads}, {"strides", Ints{node.stride, node.stride}}};
    if (node.op == Op::max_pool) return add("MaxPool", node, {in(node)}, attributes);
    if (node.padding > 0 && (pads[2] > node.padding || pads[3] > node.padding)) {
      fail(node_place(graph_, node), "an average over padding that also rounds up; ONNX has no such pool; ",
           "give the network images whose sides its strides divide");
    }
    attributes.emplace_back("count_include_pad", int64_t{node.padding > 0});
    return add("AveragePool", node, {in(node)}, attributes);
  }

  std::string channel_shuffle(const Node& node) {
    const Shape& s = shape_in(node);
    const std::string groups = reshape(node, in(node), {0, node.groups, s[0] / node.groups, s[1] * s[2]}, "groups");
    return reshape(node, transpose(node, groups, {0, 2, 1, 3}, "turned"), {0, s[0], s[1], s[2]});
  }

  // From `from` up to `to` of an axis; `names` opens its constants' names.
  std::string slice(const Node& node, int64_t axis, int64_t from, int64_t to, const std::string& names = "",
                    const std::string& part = "") {
    return add("Slice", node,
               {in(node), integers(node, names + "start", {from}), integers(node, names + "end", {to}),
                integers(node, names + "axis", {axis})},
               {}, part);
  }

  std::string class_token(const Node& node) {
    const std::string batch = add("Shape", node, {in(node)}, {{"start", int64_t{0}}, {"end", int64_t{1}}}, "batch");
    const std::string shape =
        add("Concat", node, {batch, integers(node, "one", {1, 1})}, {{"axis", int64_t{0}}}, "shape");
    const std::string token = add("Expand", node, {floats_of(node, 0), shape}, {}, "token");
    return add("Concat", node, {token, in(node)}, {{"axis", int64_t{1}}});
  }

  // One of q, k and v, [N, heads, T, D / heads], or turned for the product.
  std::string attention_part(const Node& node, int64_t part, const std::string& name, const Ints& order) {
    const int64_t tokens = shape_in(node)[0], features = shape_in(node)[1] / 3;
    const std::string own = slice(node, 2, part * features, (part + 1) * features, name + "_", name + "_slice");
    const std::string heads = reshape(node, own, {0, tokens, node.heads, features / node.heads}, name + "_heads");
    return transpose(node, heads, order, name);
  }

  std::string attention(const Node& node) {
    const int64_t tokens = shape_in(node)[0], features = shape_in(node)[1] / 3;
    const int64_t length = features / node.heads;
    const double scale = 1 / std::sqrt(static_cast<double>(length));
    const std::string q =
        add("Mul", node, {attention_part(node, 0, "q", {0, 2, 1, 3}), scalar(node, "scale", scale)}, {}, "q_scaled");
    const std::string k = attention_part(node, 1, "k", {0, 2, 3, 1}), v = attention_part(node, 2, "v", {0, 2, 1, 3});
    const std::string scores = add("MatMul", node, {q, k}, {}, "scores");
    const std::string weights = add("Softmax", node, {scores}, {{"axis", int64_t{-1}}}, "weights");
    const std::string mixed = transpose(node, add("MatMul", node, {weights, v}, {}, "mixed"), {0, 2, 1, 3}, "turned");
    return reshape(node, mixed, {0, tokens, features});
  }

  std::string scale(const Node& node) {
    const int64_t features = weights_.parameter(node, 0).shape[0];
    const bool map = shape_in(node).size() == 3;
    return add("Mul", node, {in(node), floats_of(node, 0, map ? Shape{features, 1, 1} : Shape{features})});
  }

  std::string activation(const Node& node) {
    const std::string& x = in(node);
    switch (node.op) {
      case Op::relu:
        return add("Relu", node, {x});
      case Op::relu6:
        return add("Clip", node, {x, scalar(node, "low", 0), scalar(node, "high", 6)});
      case Op::silu:
        return add("Mul", node, {x, add("Sigmoid", node, {x}, {}, "gate")});
      case Op::gelu:
        return gelu(node);
      case Op::hard_swish:
        return add("HardSwish", node, {x});
      case Op::sigmoid:
        return add("Sigmoid", node, {x});
      default:  // hard_sigmoid
        return add("HardSigmoid", node, {x}, {{"alpha", 1.0F / 6}, {"beta", 0.5F}});
    }
  }

  std::string first_token(const Node& node) {
    const std::string token = slice(node, 1, node.skipped_tokens, node.skipped_tokens + 1, "", "slice");
    return reshape(node, token, {0, shape_in(node)[1]});
  }

  std::string lower(size_t index) {
    const Node& node = graph_.nodes[index];
    switch (node.op) {
      case Op::input:
        break;  // node 0 alone, which is given
      case Op::conv2d:
        return conv2d(node, norm_of_[index]);
      case Op::batch_norm:
        return batch_norm(node);
      case Op::layer_norm:
        return layer_norm(node);
      case Op::linear:
        return linear(node);
      case Op::relu:
      case Op::relu6:
      case Op::silu:
      case Op::gelu:
      case Op::hard_swish:
      case Op::sigmoid:
      case Op::hard_sigmoid:
        return activation(node);
      case Op::add:
        return add("Add", node, {in(node), in(node, 1)});
      case Op::mean:
        return add("Mean", node, {in(node), in(node, 1)});
      case Op::multiply:
        return add("Mul", node, {in(node), in(node, 1)});
      case Op::scale:
        return scale(node);
      case Op::concat:
        return add("Concat", node, {in(node), in(node, 1)}, {{"axis", int64_t{1}}});
      case Op::channel_slice:
        return slice(node, 1, node.first_channel, node.first_channel + node.out_channels);
      case Op::channel_shuffle:
        return channel_shuffle(node);
      case Op::max_pool:
      case Op::avg_pool:
        return pool(index);
      case Op::global_avg_pool:
        return add("GlobalAveragePool", node, {in(node)});
      case Op::flatten:
        return add("Flatten", node, {in(node)}, {{"axis", int64_t{1}}});
      case Op::tokens:
        return transpose(
            node, reshape(node, in(node), {0, shape_in(node)[0], numel(shape_in(node)) / shape_in(node)[0]}, "flat"),
            {0, 2, 1});
      case Op::class_token:
        return class_token(node);
      case Op::position_embedding:
        return add("Add", node, {in(node), floats_of(node, 0)});
      case Op::attention:
        return attention(node);
      case Op::first_token:
        return first_token(node);
    }
    fail(node_place(graph_, node), op_name(node.op), " has no ONNX nodes in this build");
  }

  OnnxGraph& out_;
  const Graph& graph_;
  const GraphWeights& weights_;
  std::string prefix_;
  std::vector<Shape> shapes_;
  std::vector<std::string> values_;  ///< per node: the name of what it gives
  std::vector<std::string> firsts_;  ///< per node: the name of the first ONNX node that became of it
  std::vector<int> norm_of_;         ///< per convolution: the batch norm that is folded into it; -1: none
};

}  // namespace

Lowered lower_graph(OnnxGraph& out, const Graph& graph, const GraphWeights& weights, const Shape& image,
                    const std::string& input, const std::string& prefix) {
  return Lowering(out, graph, weights, image, prefix).run(input);
}

}  // namespace retort
