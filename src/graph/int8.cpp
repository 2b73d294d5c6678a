#include "graph/int8.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace retort {

namespace {

constexpr int64_t kVersion = 1;
constexpr float kLeastRange = 1e-6F;

}  // namespace

std::vector<int> folded_norms(const Graph& graph) {
  std::vector<int> readers(graph.nodes.size()), norms(graph.nodes.size(), -1);
  for (const Node& node : graph.nodes) {
    for (const int input : node.inputs) ++readers[static_cast<size_t>(input)];
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != Op::batch_norm) continue;
    const auto from = static_cast<size_t>(graph.nodes[i].inputs[0]);
    if (graph.nodes[from].op == Op::conv2d && readers[from] == 1) norms[from] = static_cast<int>(i);
  }
  return norms;
}

std::vector<Int8Site> int8_sites(const Graph& graph) {
  const std::vector<int> norms = folded_norms(graph);
  std::vector<bool> convolved(graph.nodes.size());  // what a convolution gives, with its norm
  std::vector<Int8Site> sites;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op == Op::conv2d) convolved[norms[i] < 0 ? i : static_cast<size_t>(norms[i])] = true;
    const bool ends_branch = node.op == Op::add && std::ranges::any_of(node.inputs, [&](int input) {
                               return convolved[static_cast<size_t>(input)];
                             });
    if (node.op == Op::conv2d || node.op == Op::linear || node.op == Op::global_avg_pool || ends_branch) {
      sites.push_back({static_cast<int>(i), node.inputs});
    }
  }
  return sites;
}

bool reads_rounded(Op op) { return op != Op::add && op != Op::position_embedding; }

Int8Steps int8_steps(const Int8Range& range) {
  // In this order, min and max give their first argument where the other is NaN, as in a training that diverges.
  const float low = std::min(0.0F, range.low), high = std::max(0.0F, range.high);
  const float scale = std::max(kLeastRange, high - low) / kInt8Values;
  return {scale, static_cast<uint8_t>(std::max(0.0F, std::min(kInt8Values, std::round(-low / scale))))};
}

std::string int8_ranges_text(const Int8Ranges& ranges) {
  Json json = Json::object();
  for (const auto& [name, range] : ranges) json[name] = {range.low, range.high};
  return Json{{"version", kVersion}, {"ranges", json}}.dump();
}

Int8Ranges parse_int8_ranges(const std::string& where, const std::string& text) {
  const Json json = parse_json(where, text);
  check_version(where, json, "version", kVersion);
  Int8Ranges ranges;
  const auto kept = get<Json>(where, json, "ranges");
  for (const auto& item : kept.items()) {
    const auto ends = item.value().is_array() ? item.value().get<Json::array_t>() : Json::array_t();
    const bool numbers = ends.size() == 2 && ends[0].is_number() && ends[1].is_number();
    const Int8Range range = numbers ? Int8Range{ends[0].get<float>(), ends[1].get<float>()} : Int8Range{1, 0};
    if (!(range.low <= range.high) || !std::isfinite(range.high - range.low)) {
      fail(where, "the range of '", item.key(), "' is ", item.value().dump(), "; expected two numbers, low and high");
    }
    ranges[item.key()] = range;
  }
  return ranges;
}

}  // namespace retort
