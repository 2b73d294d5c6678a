#include "train/fine_tuning.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <regex>
#include <set>

#include "base/file.h"
#include "train/options.h"
#include "zoo/buildable.h"

namespace retort {

namespace {

bool is_pool(Op op) { return op == Op::global_avg_pool || op == Op::first_token; }

// Stage and block of a parameter's name, such as "1.0" of "layer1.0.conv1.weight"; nothing outside of blocks.
std::optional<std::string> block_of(const std::string& name) {
  static const std::regex kBlock(
      R"((?:layer|block|stage|blocks\.|stages\.|s)(\d+)(?:\.(?:layer\.|blocks\.|b)?(\d+))?.*)");
  std::smatch match;
  if (!std::regex_match(name, match, kBlock)) return std::nullopt;
  return match.str(1) + "." + (match[2].matched ? match.str(2) : "0");
}

bool is_in(const std::string& parameter, const std::string& module) {
  return parameter == module || parameter.starts_with(module + ".");
}

// "layer1", "layer1.0", "layer1.0.conv1" and the parameter itself, for all parameters.
std::vector<std::string> module_names(const Network& network) {
  std::set<std::string> names;
  for (const NamedTensor& p : network.parameters()) {
    for (size_t dot = p.name.find('.'); dot != std::string::npos; dot = p.name.find('.', dot + 1)) {
      names.insert(p.name.substr(0, dot));
    }
    names.insert(p.name);
  }
  return {names.begin(), names.end()};
}

void freeze_one(const NamedTensor& parameter) { at::Tensor(parameter.tensor).set_requires_grad(false); }

void freeze_module(const Network& network, const std::string& module) {
  bool found = false;
  for (const NamedTensor& p : network.parameters()) {
    if (!is_in(p.name, module)) continue;
    found = true;
    freeze_one(p);
  }
  if (found) return;
  const std::vector<std::string> known = module_names(network);
  const std::string near = nearest(module, known);
  fail_usage(network.graph().architecture, "--freeze names '", module, "', where no parameter is; ",
             near.empty() ? "" : "did you mean '" + near + "'? ", "expected one of timm's module names, such as '",
             network.graph().first_conv, "'");
}

void freeze_batch_norms(const Network& network) {
  for (const Node& node : network.graph().nodes) {
    if (node.op != Op::batch_norm) continue;
    for (const NamedTensor& p : network.parameters()) {
      if (is_in(p.name, node.name)) freeze_one(p);
    }
  }
}

}  // namespace

std::optional<Pretrained> open_pretrained(const TrainOptions& options, const Monitor& monitor) {
  if (options.pretrained.empty()) return std::nullopt;
  const std::string& ref = options.pretrained;
  const fs::path directory = resolve_model(ref, monitor);
  Pretrained out{directory, read_config(directory)};
  check_buildable(ref, out.config.architecture, out.config.global_pool);
  if (out.config.architecture != options.model) {
    fail_usage(verb_of(options) + " --pretrained", ref, " is a ", out.config.architecture, "; expected a ",
               options.model, ", which is to be trained; choose other weights or another backbone");
  }
  return out;
}

void load_pretrained(Network& network, const Pretrained& pretrained, const Monitor& monitor) {
  const fs::path file = weights_path(pretrained.directory);
  for (const std::string& line : network.load(file, {.pretrained = true})) monitor.remark(line);
}

std::vector<int> layer_ids(const Graph& graph) {
  const auto last_pool =
      std::find_if(graph.nodes.rbegin(), graph.nodes.rend(), [](const Node& n) { return is_pool(n.op); });
  const auto head_begins = static_cast<size_t>(graph.nodes.rend() - last_pool);
  std::vector<int> ids(graph.parameters.size(), 0);
  std::string current;
  int id = -1;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int parameter : graph.nodes[i].parameters) {
      const auto index = static_cast<size_t>(parameter);
      const std::string layer = i >= head_begins ? "head" : block_of(graph.parameters[index].name).value_or(current);
      if (id < 0 || layer != current) ++id;
      current = layer;
      ids[index] = id;
    }
  }
  return ids;
}

std::map<std::string, double> lr_scales(const Graph& graph, const TrainOptions& options) {
  if (options.layer_decay == 1 && options.head_lr_scale == 1) return {};
  const std::vector<int> ids = layer_ids(graph);
  const int last = *std::max_element(ids.begin(), ids.end());
  std::map<std::string, double> scales;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string& name = graph.parameters[i].name;
    const bool in_head = is_in(name, graph.classifier) || is_in(name, graph.distill_classifier);
    const double head = in_head ? options.head_lr_scale : 1;
    scales[name] = head * std::pow(options.layer_decay, last - ids[i]);
  }
  return scales;
}

void freeze(const Network& network, const std::vector<std::string>& names, bool batch_norms) {
  for (const std::string& name : names) freeze_module(network, name);
  if (batch_norms) freeze_batch_norms(network);
  if (trainable(network).empty()) {
    fail_usage(network.graph().architecture, "all parameters are frozen, so that nothing would be trained; ",
               "take a name from --freeze");
  }
}

std::vector<NamedTensor> trainable(const Network& network) {
  std::vector<NamedTensor> out;
  for (const NamedTensor& p : network.parameters()) {
    if (p.tensor.requires_grad()) out.push_back(p);
  }
  return out;
}

}  // namespace retort
