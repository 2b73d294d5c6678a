// Nodes as timm's modules.
#include <map>

#include "retort/graph.h"

namespace retort {

namespace {

/// The last node of every module, by the module's name: a node's own and each that its dots make.
std::map<std::string, int> module_ends(const Graph& graph) {
  std::map<std::string, int> ends;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::string& name = graph.nodes[i].name;
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      ends[name.substr(0, dot)] = static_cast<int>(i);
    }
    ends[name] = static_cast<int>(i);
  }
  return ends;
}

}  // namespace

int Graph::tap(const std::string& name) const {
  for (size_t i = nodes.size(); i-- > 0;) {
    if (nodes[i].name == name || nodes[i].name.starts_with(name + ".")) return static_cast<int>(i);
  }
  std::vector<std::string> known;
  for (const auto& [module, end] : module_ends(*this)) known.push_back(module);
  const std::string near = nearest(name, known);
  fail_usage(architecture, "no module is called '", name, "'; ", near.empty() ? "" : "did you mean '" + near + "'? ",
             "taps have timm's module names, from '", first_conv, "' to '", classifier, "'");
}

std::vector<TapInfo> list_taps(const Graph& graph, const Shape& input) {
  const std::vector<Shape> shapes = infer_shapes(graph, input);
  std::multimap<int, std::string> by_end;
  for (const auto& [name, end] : module_ends(graph)) by_end.emplace(end, name);
  std::vector<TapInfo> taps;
  for (const auto& [end, name] : by_end) taps.push_back({name, shapes[static_cast<size_t>(end)]});
  return taps;
}

}  // namespace retort
