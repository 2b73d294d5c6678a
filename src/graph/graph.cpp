#include "retort/graph.h"

#include "graph/rules.h"

namespace retort {

namespace {

std::string text(const Shape& shape) {
  std::vector<std::string> sizes;
  for (int64_t size : shape) sizes.push_back(std::to_string(size));
  return str("[", join(sizes), "]");
}

int64_t numel(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

const Shape& weight_shape(const Graph& graph, const Node& node) {
  return graph.parameters[static_cast<size_t>(node.parameters.front())].shape;
}

/// Positions of the node's window along one side, as PyTorch counts them: where ceil_mode rounds up, no window starts
/// beyond the image and the padding before it.
int64_t window_positions(const Graph& graph, const Node& node, int64_t in) {
  const int64_t span = in + 2 * node.padding - node.kernel + (node.ceil_mode ? node.stride - 1 : 0);
  if (span < 0) {
    fail(node_place(graph, node), "the image is ", in, " wide or high here, less than the window of ", node.kernel,
         "; give the network larger images");
  }
  const int64_t out = span / node.stride + 1;
  return node.ceil_mode && (out - 1) * node.stride >= in + node.padding ? out - 1 : out;
}

Shape slide_window(const Graph& graph, const Node& node, const Shape& in, int64_t channels) {
  return {channels, window_positions(graph, node, in[1]), window_positions(graph, node, in[2])};
}

void expect(bool fits, const Graph& graph, const Node& node, const Shape& in, std::string_view expected) {
  if (!fits) {
    fail(node_place(graph, node), op_name(node.op), " is given ", text(in), "; it takes ", expected,
         "; correct the graph");
  }
}

Shape conv_shape(const Graph& graph, const Node& node, const Shape& in) {
  const Shape& weight = weight_shape(graph, node);
  const Shape expected{node.out_channels, in[0] / node.groups, node.kernel, node.kernel};
  const bool fits = weight == expected && in[0] % node.groups == 0;
  expect(fits, graph, node, in, "what its weight " + text(weight) + " was made for");
  return slide_window(graph, node, in, node.out_channels);
}

/// Where a shape keeps the count of its features.
size_t feature_axis(const Shape& shape) { return shape.size() == 3 ? 0 : shape.size() - 1; }

Shape linear_shape(const Graph& graph, const Node& node, const Shape& in) {
  Shape out = in;
  out[feature_axis(in)] = node.out_channels;
  expect(weight_shape(graph, node) == Shape{node.out_channels, in[feature_axis(in)]}, graph, node, in,
         "features that its weight " + text(weight_shape(graph, node)) + " was made for");
  return out;
}

Shape token_shape(const Graph& graph, const Node& node, const Shape& in) {
  expect(in.size() == 2, graph, node, in, "tokens [T, D]");
  const auto expect_weight = [&](const Shape& expected) {
    expect(weight_shape(graph, node) == expected, graph, node, in,
           "tokens that its weight " + text(weight_shape(graph, node)) + " was made for");
  };
  switch (node.op) {
    case Op::class_token:
      expect_weight({1, 1, in[1]});
      return {in[0] + 1, in[1]};
    case Op::position_embedding:
      expect_weight({1, in[0], in[1]});
      return in;
    case Op::attention:
      expect(in[1] % (3 * node.heads) == 0, graph, node, in,
             str("queries, keys and values of ", node.heads, " heads side by side"));
      return {in[0], in[1] / 3};
    default:  // first_token
      expect(node.skipped_tokens < in[0], graph, node, in, str("more than ", node.skipped_tokens, " tokens"));
      return {in[1]};
  }
}

Shape concat_shape(const Graph& graph, const Node& node, const Shape& a, const Shape& b) {
  const bool fits = b.size() == 3 && a[1] == b[1] && a[2] == b[2] && a[0] + b[0] <= kLargestSize;
  expect(fits, graph, node, b, "a map as wide and high as its other input " + text(a));
  return {a[0] + b[0], a[1], a[2]};
}

Shape slice_shape(const Graph& graph, const Node& node, const Shape& in) {
  expect(node.first_channel + node.out_channels <= in[0], graph, node, in, "as many channels as its slice ends at");
  return {node.out_channels, in[1], in[2]};
}

Shape output_shape(const Graph& graph, const Node& node, const std::vector<Shape>& shapes) {
  const auto in = [&](size_t i) -> const Shape& { return shapes[static_cast<size_t>(node.inputs[i])]; };
  const auto expect_map = [&] { expect(in(0).size() == 3, graph, node, in(0), "a map [C, H, W]"); };
  switch (node.op) {
    case Op::conv2d:
      expect_map();
      return conv_shape(graph, node, in(0));
    case Op::linear:
      return linear_shape(graph, node, in(0));
    case Op::concat:
      expect_map();
      return concat_shape(graph, node, in(0), in(1));
    case Op::channel_slice:
      expect_map();
      return slice_shape(graph, node, in(0));
    case Op::channel_shuffle:
      expect_map();
      expect(in(0)[0] % node.groups == 0, graph, node, in(0), "channels that its groups divide");
      return in(0);
    case Op::max_pool:
    case Op::avg_pool:
      expect_map();
      return slide_window(graph, node, in(0), in(0)[0]);
    case Op::global_avg_pool:
      expect_map();
      return {in(0)[0], 1, 1};
    case Op::flatten:
      // The classifier must not depend on the image's size.
      expect(in(0) == Shape{in(0)[0], 1, 1}, graph, node, in(0), "a map of one pixel [C, 1, 1]");
      return {in(0)[0]};
    case Op::batch_norm:
      expect_map();
      [[fallthrough]];
    case Op::layer_norm:
    case Op::scale:
      expect(weight_shape(graph, node) == Shape{in(0)[feature_axis(in(0))]}, graph, node, in(0),
             "as many channels as it has weights");
      return in(0);
    case Op::tokens:
      expect_map();
      return {in(0)[1] * in(0)[2], in(0)[0]};
    case Op::class_token:
    case Op::position_embedding:
    case Op::attention:
    case Op::first_token:
      return token_shape(graph, node, in(0));
    case Op::add:
    case Op::mean:
      expect(in(0) == in(1), graph, node, in(1), "the shape of its other input " + text(in(0)));
      return in(0);
    case Op::multiply:
      expect_map();
      expect(in(1) == Shape{in(0)[0], 1, 1}, graph, node, in(1), "a gate [C, 1, 1] for its map " + text(in(0)));
      return in(0);
    default:
      return in(0);
  }
}

void check_image(const Graph& graph, const Shape& image) {
  const std::string& where = graph.architecture;
  if (graph.nodes.empty()) fail(where, "the graph has no nodes; build it with GraphBuilder");
  if (image.size() != 3 || image[0] != graph.channels) {
    fail(where, "images are ", text(image), "; expected [", graph.channels, ", H, W]; ",
         "build the model for the channels of the data");
  }
  for (int64_t size : {image[1], image[2]}) {
    constexpr int64_t kLargestSide = 1 << 16;
    if (size < 1 || size > kLargestSide) {
      fail(where, "images are ", text(image), "; expected sides of 1 to ", kLargestSide, "; resize them");
    }
    if (graph.image_size != 0 && size != graph.image_size) {
      fail(where, "images are ", text(image), "; it is built for ", graph.image_size, " x ", graph.image_size,
           "; use --img-size to resize them or to build it for another size");
    }
  }
}

}  // namespace

int Graph::find(const std::string& name) const {
  std::vector<std::string> known;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].name == name) return static_cast<int>(i);
    known.push_back(nodes[i].name);
  }
  // Some graphs have five hundred nodes: too many to list.
  const std::string near = nearest(name, known);
  fail_usage(architecture, "no node is called '", name, "'; ", near.empty() ? "" : "did you mean '" + near + "'? ",
             "its ", known.size(), " nodes have timm's module names, from '", first_conv, "' to '", classifier, "'");
}

std::vector<Shape> infer_shapes(const Graph& graph, const Shape& input) {
  check_image(graph, input);
  std::vector<Shape> shapes;
  shapes.reserve(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    check_node(graph, node, shapes.size());
    shapes.push_back(node.op == Op::input ? input : output_shape(graph, node, shapes));
  }
  if (shapes.back() != Shape{graph.classes}) {
    fail(graph.architecture, "ends in ", text(shapes.back()), "; expected a vector of ", graph.classes,
         " logits; pool and flatten before the classifier");
  }
  return shapes;
}

Cost cost(const Graph& graph, const Shape& input) {
  const std::vector<Shape> shapes = infer_shapes(graph, input);
  Cost cost;
  for (const Parameter& parameter : graph.parameters) {
    if (!parameter.buffer) cost.parameters += numel(parameter.shape);
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    // Queries by keys, and weights by values.
    if (node.op == Op::attention) cost.macs += 2 * shapes[i][0] * numel(shapes[i]);
    if (node.op != Op::conv2d && node.op != Op::linear) continue;
    // Each output is one product with a row of the weight, [in / groups, k, k] or [in].
    cost.macs += numel(shapes[i]) * (numel(weight_shape(graph, node)) / node.out_channels);
  }
  return cost;
}

}  // namespace retort
