#include "graph/rules.h"

#include <array>

namespace retort {

namespace {

struct Rule {
  Op op;
  std::string_view name;
  size_t inputs, parameters;
};

// In the order of Op, which op_name and rule_of index by.
constexpr std::array kRules = {
    Rule{Op::input, "input", 0, 0},
    Rule{Op::conv2d, "conv2d", 1, 1},
    Rule{Op::batch_norm, "batch_norm", 1, 5},
    Rule{Op::layer_norm, "layer_norm", 1, 2},
    Rule{Op::linear, "linear", 1, 2},
    Rule{Op::relu, "relu", 1, 0},
    Rule{Op::relu6, "relu6", 1, 0},
    Rule{Op::silu, "silu", 1, 0},
    Rule{Op::gelu, "gelu", 1, 0},
    Rule{Op::hard_swish, "hard_swish", 1, 0},
    Rule{Op::sigmoid, "sigmoid", 1, 0},
    Rule{Op::hard_sigmoid, "hard_sigmoid", 1, 0},
    Rule{Op::add, "add", 2, 0},
    Rule{Op::mean, "mean", 2, 0},
    Rule{Op::multiply, "multiply", 2, 0},
    Rule{Op::scale, "scale", 1, 1},
    Rule{Op::concat, "concat", 2, 0},
    Rule{Op::channel_slice, "channel_slice", 1, 0},
    Rule{Op::channel_shuffle, "channel_shuffle", 1, 0},
    Rule{Op::max_pool, "max_pool", 1, 0},
    Rule{Op::avg_pool, "avg_pool", 1, 0},
    Rule{Op::global_avg_pool, "global_avg_pool", 1, 0},
    Rule{Op::flatten, "flatten", 1, 0},
    Rule{Op::tokens, "tokens", 1, 0},
    Rule{Op::class_token, "class_token", 1, 1},
    Rule{Op::position_embedding, "position_embedding", 1, 1},
    Rule{Op::attention, "attention", 1, 0},
    Rule{Op::first_token, "first_token", 1, 0},
};

constexpr bool in_order() {
  for (size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<size_t>(kRules[i].op) != i) return false;
  }
  return true;
}
static_assert(in_order() && kRules.size() == static_cast<size_t>(Op::first_token) + 1);

const Rule& rule_of(Op op) {
  const auto index = static_cast<size_t>(op);
  if (index >= kRules.size())
    fail_usage("graph", "operation ", index, " is none of Op's ", kRules.size(), "; use one of those");
  return kRules[index];
}

void check_range(const std::string& place, const char* what, int64_t value, int64_t least) {
  if (value >= least && value <= kLargestSize) return;
  fail_usage(place, what, " is ", value, "; expected ", least, " to ", kLargestSize, "; correct it");
}

}  // namespace

std::string_view op_name(Op op) { return rule_of(op).name; }

std::string node_place(const Graph& graph, const Node& node) { return graph.architecture + ": " + node.name; }

void check_node(const Graph& graph, const Node& node, size_t index) {
  const std::string place = node_place(graph, node);
  const Rule& rule = rule_of(node.op);
  if (node.name.empty()) fail_usage(place, "node ", index, " has no name; name it as timm names its module");
  if ((node.op == Op::input) != (index == 0)) {
    fail_usage(place, rule.name, " stands at ", index, "; the input is node 0 and only that; reorder the nodes");
  }
  if (node.inputs.size() != rule.inputs) {
    fail_usage(place, rule.name, " was given ", node.inputs.size(), " inputs; it takes ", rule.inputs,
               "; give as many");
  }
  for (int input : node.inputs) {
    if (input >= 0 && static_cast<size_t>(input) < index) continue;
    fail_usage(place, "reads node ", input, "; only the ", index, " nodes before it can be read; add that one first");
  }
  const size_t parameters = rule.parameters + (node.op == Op::conv2d && node.has_bias ? 1 : 0);
  if (node.parameters.size() != parameters) {
    fail_usage(place, rule.name, " has ", node.parameters.size(), " parameters; expected ", parameters,
               "; add it with its own method");
  }
  for (int parameter : node.parameters) {
    if (parameter >= 0 && static_cast<size_t>(parameter) < graph.parameters.size()) continue;
    fail_usage(place, "uses parameter ", parameter, "; the graph has ", graph.parameters.size(), "; add it first");
  }
  check_range(place, "kernel", node.kernel, 1);
  check_range(place, "stride", node.stride, 1);
  check_range(place, "padding", node.padding, 0);
  check_range(place, "groups", node.groups, 1);
  check_range(place, "first_channel", node.first_channel, 0);
  check_range(place, "heads", node.heads, 1);
  check_range(place, "skipped_tokens", node.skipped_tokens, 0);
  const bool sets_channels = node.op == Op::conv2d || node.op == Op::linear || node.op == Op::channel_slice;
  if (sets_channels) check_range(place, "out_channels", node.out_channels, 1);
  // A window of padding alone has no maximum and no mean.
  const bool pools = node.op == Op::max_pool || node.op == Op::avg_pool;
  if (pools && node.padding > node.kernel / 2) {
    fail_usage(place, "padding is ", node.padding, "; a pool of kernel ", node.kernel,
               " takes at most half of that; give less");
  }
}

}  // namespace retort
