#include "losses/taps.h"

#include <algorithm>
#include <map>
#include <set>

namespace retort {

namespace {

using Names = std::vector<std::string>;

// Per node: whether every path from the images to the logits goes through it.
std::vector<bool> trunk(const Graph& graph) {
  std::vector<int> over(graph.nodes.size() + 1, 0);  // differences of how many edges pass over a node
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int input : graph.nodes[i].inputs) {
      ++over[static_cast<size_t>(input) + 1];
      --over[i];
    }
  }
  std::vector<bool> out(graph.nodes.size());
  int passing = 0;
  for (size_t i = 0; i < out.size(); ++i) out[i] = (passing += over[i]) == 0;
  return out;
}

// The outermost module of several nodes that ends in each node of the trunk, in the order of nodes.
std::map<int, std::string> module_ends(const Graph& graph) {
  std::map<std::string, int> ends;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::string& name = graph.nodes[i].name;
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      ends[name.substr(0, dot)] = static_cast<int>(i);
    }
  }
  const std::vector<bool> in_trunk = trunk(graph);
  std::map<int, std::string> names;
  for (const auto& [name, end] : ends) {
    if (in_trunk[static_cast<size_t>(end)]) names.try_emplace(end, name);  // in order: the shortest name comes first
  }
  return names;
}

// The last of each run of maps of one resolution; of tokens, four of equal depth.
Names stages(const Graph& graph, const Shape& input) {
  const std::vector<Shape> shapes = infer_shapes(graph, input);
  Names maps, tokens;
  std::pair<int64_t, int64_t> size;
  for (const auto& [end, name] : module_ends(graph)) {
    const Shape& shape = shapes[static_cast<size_t>(end)];
    const bool is_block = graph.nodes[static_cast<size_t>(end)].op == Op::add;  // the patches' embedding is none
    if (shape.size() == 2 && is_block) tokens.push_back(name);
    if (shape.size() != 3 || shape[1] * shape[2] == 1) continue;
    if (maps.empty() || size != std::pair(shape[1], shape[2])) maps.emplace_back();
    maps.back() = name;
    size = {shape[1], shape[2]};
  }
  if (tokens.size() < 4) return maps;
  Names quarters;
  for (size_t i = 1; i <= 4; ++i) quarters.push_back(tokens[i * tokens.size() / 4 - 1]);
  return quarters;
}

const Node& node_at(const Graph& graph, const std::string& tap) {
  return graph.nodes[static_cast<size_t>(graph.tap(tap))];
}

const std::string& input_of(const Graph& graph, const Node& node) {
  return graph.nodes[static_cast<size_t>(node.inputs[0])].name;
}

bool is_activation(Op op) {
  return op == Op::relu || op == Op::relu6 || op == Op::silu || op == Op::gelu || op == Op::hard_swish;
}

// What pools the last map in the trunk, or picks the class token; without one, what flattens it.
std::string last_map(const Graph& graph) {
  const std::vector<bool> in_trunk = trunk(graph);
  for (const Op op : {Op::global_avg_pool, Op::first_token, Op::flatten}) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const bool is_one =
          graph.nodes[i].op == op && (in_trunk[i] || op == Op::first_token);  // of two tokens neither is
      if (is_one) return input_of(graph, graph.nodes[i]);
    }
  }
  return {};
}

std::string listed(const Graph& graph, const Shape& input) {
  Names names;
  for (const TapInfo& tap : list_taps(graph, input)) {
    if (std::count(tap.name.begin(), tap.name.end(), '.') < 2) names.push_back(tap.name);
  }
  return join(names);
}

void check_stored(const std::string& setting, const Names& taps, const LossNetwork& network) {
  Names stored;
  for (const auto& [tap, length] : network.stored) stored.push_back(tap);
  for (const std::string& tap : taps) {
    if (std::find(stored.begin(), stored.end(), tap) != stored.end()) continue;
    fail_usage(setting, "the store holds no features of '", tap, "'; it holds those of ", join(stored),
               "; write it with `retort label --features ", tap, "`, or give the teacher");
  }
}

Names default_taps(const LossNetwork& network, Look look) {
  return network.graph ? retort::default_taps(*network.graph, network.input, look) : Names{network.stored.back().first};
}

Names split(const std::string& text) {
  Names names;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

}  // namespace

void check_taps(const std::string& setting, const Names& taps, const LossNetwork& network) {
  if (!network.graph) return check_stored(setting, taps, network);
  for (const std::string& tap : taps) {
    try {
      network.graph->tap(tap);
    } catch (const Error&) {
      fail_usage(setting, network.graph->architecture, " has no tap '", tap, "'; its taps are ",
                 listed(*network.graph, network.input));
    }
  }
}

void take_taps(std::map<std::string, std::string>& values, Looks& looks) {
  if (const auto given = values.extract("student_taps")) looks.student_taps = split(given.mapped());
  if (const auto given = values.extract("teacher_taps")) looks.teacher_taps = split(given.mapped());
}

std::vector<SettingInfo> tap_settings() {
  return {{"student_taps", "names", "", "with commas", "modules whose output is looked at; by default found by itself"},
          {"teacher_taps", "names", "", "with commas", "the same of the teacher, in pairs with the student's"}};
}

std::vector<std::string> default_taps(const Graph& graph, const Shape& input, Look look) {
  Names taps;
  if (look == Look::last_map) {
    taps = {last_map(graph)};
  } else if (look == Look::embedding) {
    taps = {input_of(graph, node_at(graph, graph.classifier))};
  } else {
    taps = stages(graph, input);
  }
  if (look == Look::levels) taps.push_back(default_taps(graph, input, Look::embedding)[0]);
  for (std::string& tap : taps) {
    const Node& node = node_at(graph, tap);
    if (look == Look::pre_activation && is_activation(node.op)) tap = input_of(graph, node);
  }
  if (taps.empty() || taps.front().empty()) {
    fail_usage("loss", "finds no stages in ", graph.architecture, "; name taps by student_taps and teacher_taps, of ",
               listed(graph, input));
  }
  return taps;
}

void find_taps(Looks& looks, const LossNetwork& student, const LossNetwork& teacher) {
  check_taps("student_taps", looks.student_taps, student);
  check_taps("teacher_taps", looks.teacher_taps, teacher);
  const bool given = !looks.student_taps.empty() && !looks.teacher_taps.empty();
  if (given && looks.student_taps.size() != looks.teacher_taps.size()) {
    fail_usage("loss", looks.student_taps.size(), " student_taps and ", looks.teacher_taps.size(),
               " teacher_taps given; they are looked at in pairs");
  }
  if (looks.student_taps.empty()) looks.student_taps = default_taps(student, looks.student);
  if (looks.teacher_taps.empty()) looks.teacher_taps = default_taps(teacher, looks.teacher);
  const size_t pairs = std::min(looks.student_taps.size(), looks.teacher_taps.size());
  for (Names* taps : {&looks.student_taps, &looks.teacher_taps}) {
    taps->erase(taps->begin(), taps->end() - static_cast<std::ptrdiff_t>(pairs));
    if (looks.student == Look::middle && !given) *taps = {(*taps)[(pairs - 1) / 2]};
  }
}

bool ends_in_relu(const Graph& graph, const std::string& tap) {
  const Op op = node_at(graph, tap).op;
  return op == Op::relu || op == Op::relu6;
}

}  // namespace retort
