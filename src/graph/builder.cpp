#include <algorithm>
#include <set>

#include "graph/rules.h"
#include "retort/graph.h"

namespace retort {

GraphBuilder::GraphBuilder(std::string architecture, int64_t channels, int64_t classes, int64_t image_size) {
  const auto check = [&](const char* what, int64_t count, int64_t least) {
    if (count >= least && count <= kLargestSize) return;
    fail_usage(architecture, count, " ", what, "; expected ", least, " to ", kLargestSize,
               "; give a count in that range");
  };
  check("image channels", channels, 1);
  check("classes", classes, 1);
  check("pixels as the images' side", image_size, 0);
  graph_.architecture = std::move(architecture);
  graph_.channels = channels;
  graph_.classes = classes;
  graph_.image_size = image_size;
  add_node({.name = "input"}, channels);
}

int GraphBuilder::add_node(Node node, int64_t channels) {
  check_node(graph_, node, graph_.nodes.size());
  graph_.nodes.push_back(std::move(node));
  channels_.push_back(channels);
  return static_cast<int>(graph_.nodes.size()) - 1;
}

int GraphBuilder::add_parameter(Parameter parameter) {
  graph_.parameters.push_back(std::move(parameter));
  return static_cast<int>(graph_.parameters.size()) - 1;
}

int64_t GraphBuilder::channels_of(int x) const {
  if (x >= 0 && static_cast<size_t>(x) < channels_.size()) return channels_[static_cast<size_t>(x)];
  fail_usage(graph_.architecture, "node ", x, " was asked for; there are ", channels_.size(),
             "; use the index that a method of the builder returned");
}

int GraphBuilder::conv2d(int x, const std::string& name, const Conv& conv) {
  const int64_t in = channels_of(x);
  Node node{.name = name, .op = Op::conv2d, .inputs = {x}};
  node.out_channels = conv.out;
  node.kernel = conv.kernel;
  node.stride = conv.stride;
  node.padding = conv.padding;
  node.groups = conv.groups;
  node.has_bias = conv.bias;
  if (conv.groups < 1 || in % conv.groups != 0 || conv.out % conv.groups != 0) {
    fail_usage(node_place(graph_, node), conv.groups, " groups do not divide ", in, " input and ", conv.out,
               " output channels; choose a common divisor");
  }
  node.parameters.push_back(add_parameter({.name = name + ".weight",
                                           .shape = {conv.out, in / conv.groups, conv.kernel, conv.kernel},
                                           .init = conv.init,
                                           .groups = conv.groups}));
  if (conv.bias) node.parameters.push_back(add_parameter({.name = name + ".bias", .shape = {conv.out}}));
  return add_node(std::move(node), conv.out);
}

void GraphBuilder::set_eps(Node& node, double eps) const {
  if (!(eps > 0)) fail_usage(node_place(graph_, node), "eps is ", eps, "; expected above 0, such as 1e-5");
  node.eps = eps;
}

int GraphBuilder::batch_norm(int x, const std::string& name, Init weight_init, double eps) {
  const int64_t channels = channels_of(x);
  Node node{.name = name, .op = Op::batch_norm, .inputs = {x}};
  set_eps(node, eps);
  node.parameters = {
      add_parameter({.name = name + ".weight", .shape = {channels}, .init = weight_init}),
      add_parameter({.name = name + ".bias", .shape = {channels}}),
      add_parameter({.name = name + ".running_mean", .shape = {channels}, .buffer = true}),
      add_parameter({.name = name + ".running_var", .shape = {channels}, .init = Init::ones, .buffer = true}),
      add_parameter({.name = name + ".num_batches_tracked", .buffer = true, .integer = true}),
  };
  return add_node(std::move(node), channels);
}

int GraphBuilder::linear(int x, const std::string& name, int64_t out, Init init) {
  Node node{.name = name, .op = Op::linear, .inputs = {x}};
  node.out_channels = out;
  node.has_bias = true;
  node.parameters = {
      add_parameter({.name = name + ".weight", .shape = {out, channels_of(x)}, .init = init}),
      add_parameter({.name = name + ".bias", .shape = {out}}),
  };
  return add_node(std::move(node), out);
}

int GraphBuilder::layer_norm(int x, const std::string& name, double eps) {
  const int64_t features = channels_of(x);
  Node node{.name = name, .op = Op::layer_norm, .inputs = {x}};
  set_eps(node, eps);
  node.parameters = {
      add_parameter({.name = name + ".weight", .shape = {features}, .init = Init::ones}),
      add_parameter({.name = name + ".bias", .shape = {features}}),
  };
  return add_node(std::move(node), features);
}

int GraphBuilder::add_weighted(Op op, int x, Parameter weight) {
  Node node{.name = weight.name, .op = op, .inputs = {x}};
  node.parameters = {add_parameter(std::move(weight))};
  return add_node(std::move(node), channels_of(x));
}

int GraphBuilder::scale(int x, const std::string& name) {
  return add_weighted(Op::scale, x, {.name = name, .shape = {channels_of(x)}, .init = Init::layer_scale});
}

int GraphBuilder::class_token(int x, const std::string& name, Init init) {
  return add_weighted(Op::class_token, x,
                      {.name = name, .shape = {1, 1, channels_of(x)}, .init = init, .no_decay = true});
}

int GraphBuilder::position_embedding(int x, const std::string& name, int64_t tokens) {
  return add_weighted(
      Op::position_embedding, x,
      {.name = name, .shape = {1, tokens, channels_of(x)}, .init = Init::trunc_normal, .no_decay = true});
}

int GraphBuilder::attention(int x, const std::string& name, int64_t heads) {
  Node node{.name = name, .op = Op::attention, .inputs = {x}};
  node.heads = heads;
  return add_node(std::move(node), channels_of(x) / 3);
}

int GraphBuilder::first_token(int x, const std::string& name, int64_t skipped_tokens) {
  Node node{.name = name, .op = Op::first_token, .inputs = {x}};
  node.skipped_tokens = skipped_tokens;
  return add_node(std::move(node), channels_of(x));
}

int GraphBuilder::apply(Op op, const std::string& name, std::vector<int> inputs) {
  const Node node{.name = name, .op = op, .inputs = std::move(inputs)};
  if (op == Op::max_pool || op == Op::avg_pool || op == Op::channel_slice || op == Op::channel_shuffle ||
      op == Op::attention || op == Op::first_token) {
    fail_usage(node_place(graph_, node), op_name(op), " has settings; add it with its own method");
  }
  if (op == Op::concat) {
    int64_t sum = 0;
    for (int input : node.inputs) sum += channels_of(input);
    return add_node(node, sum);
  }
  const int64_t channels = node.inputs.empty() ? 0 : channels_of(node.inputs.front());
  for (int input : node.inputs) {
    if (channels_of(input) == channels) continue;
    fail_usage(node_place(graph_, node), op_name(op), " of ", channels, " and ", channels_of(input),
               " channels; expected equal counts; bring one to the other's with a 1x1 convolution");
  }
  return add_node(node, channels);
}

int GraphBuilder::pool(Op op, int x, const std::string& name, int64_t kernel, int64_t stride, int64_t padding,
                       bool ceil_mode) {
  Node node{.name = name, .op = op, .inputs = {x}};
  if (op != Op::max_pool && op != Op::avg_pool) {
    fail_usage(node_place(graph_, node), op_name(op), " is not a pool with a window; use max_pool or avg_pool");
  }
  node.kernel = kernel;
  node.stride = stride;
  node.padding = padding;
  node.ceil_mode = ceil_mode;
  return add_node(std::move(node), channels_of(x));
}

int GraphBuilder::channel_slice(int x, const std::string& name, int64_t first, int64_t count) {
  Node node{.name = name, .op = Op::channel_slice, .inputs = {x}};
  node.first_channel = first;
  node.out_channels = count;
  if (first < 0 || count < 1 || count > channels_of(x) - first) {
    fail_usage(node_place(graph_, node), count, " channels from ", first, " of ", channels_of(x),
               "; expected a part of them; correct the range");
  }
  return add_node(std::move(node), count);
}

int GraphBuilder::channel_shuffle(int x, const std::string& name, int64_t groups) {
  Node node{.name = name, .op = Op::channel_shuffle, .inputs = {x}};
  node.groups = groups;
  if (groups < 1 || channels_of(x) % groups != 0) {
    fail_usage(node_place(graph_, node), groups, " groups do not divide ", channels_of(x),
               " channels; choose a divisor");
  }
  return add_node(std::move(node), channels_of(x));
}

// Whether the graph ends in the linear layer `classifier`, or in the mean of two.
bool ends_in(const Graph& graph, const std::string& classifier, const std::string& distill_classifier) {
  const auto is = [&](const Node& node, const std::string& name) {
    return node.op == Op::linear && node.name == name && node.out_channels == graph.classes;
  };
  const Node& last = graph.nodes.back();
  if (distill_classifier.empty()) return is(last, classifier);
  const auto input = [&](size_t i) -> const Node& { return graph.nodes[static_cast<size_t>(last.inputs[i])]; };
  return last.op == Op::mean && is(input(0), classifier) && is(input(1), distill_classifier);
}

Graph GraphBuilder::finish(const std::string& first_conv, const std::string& classifier,
                           const std::string& distill_classifier) {
  const std::string& where = graph_.architecture;
  const Node& last = graph_.nodes.back();
  std::set<std::string> names;
  std::vector<bool> read(graph_.nodes.size(), false);
  read.back() = true;
  for (const Node& node : graph_.nodes) {
    if (!names.insert(node.name).second)
      fail_usage(where, "two nodes are called '", node.name, "'; names are unique; rename one");
    for (int input : node.inputs) read[static_cast<size_t>(input)] = true;
  }
  const auto unread = std::find(read.begin(), read.end(), false);
  if (unread != read.end()) {
    const auto& name = graph_.nodes[static_cast<size_t>(unread - read.begin())].name;
    fail_usage(where, "nothing reads node '", name, "'; connect it or leave it out");
  }
  if (!ends_in(graph_, classifier, distill_classifier)) {
    fail_usage(where, "ends in ", op_name(last.op), " '", last.name, "'; expected the linear layer '", classifier,
               distill_classifier.empty() ? "'" : "' and the mean of that and '" + distill_classifier + "',", " of ",
               graph_.classes, " classes; add it last");
  }
  const Node& first = graph_.nodes[static_cast<size_t>(graph_.find(first_conv))];
  if (first.op != Op::conv2d || first.inputs.front() != input()) {
    fail_usage(where, "'", first_conv, "' is not a convolution of the input; name the one that is");
  }
  graph_.first_conv = first_conv;
  graph_.classifier = classifier;
  graph_.distill_classifier = distill_classifier;
  return std::move(graph_);
}

}  // namespace retort
