// A network's parameters and buffers as a safetensors file.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/safetensors.h"
#include "network/adapt_input_conv.h"
#include "network/fake_quantise.h"
#include "network/init.h"
#include "network/read_values.h"
#include "network/resample_pos_embed.h"
#include "retort/network.h"

namespace retort {

namespace {

constexpr size_t kMostNames = 6;  // in one line of an error

std::string some(const std::vector<std::string>& names) {
  const std::vector<std::string> first(names.begin(), names.begin() + std::min(names.size(), kMostNames));
  return join(first) + (names.size() > kMostNames ? str(" and ", names.size() - kMostNames, " more") : "");
}

std::string text(const Shape& shape) { return retort::str(c10::IntArrayRef(shape)); }

// A name from a file, for one line of an error.
std::string printable(std::string name) {
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return name.size() > 80 ? name.substr(0, 80) + "..." : name;
}

// How a tensor gets its values from the file.
enum class Change { none, initial, input_conv, pos_embed };

struct Assignment {
  at::Tensor target;
  const Parameter& parameter;
  TensorView view;
  Change change = Change::none;
  at::Tensor adapted;  // the values, where they are not the file's own
  bool finite = true;  // those of `adapted`
};

// Tokens before those of the grid, where the parameter is a position embedding.
std::optional<int64_t> prefix_tokens(const Graph& graph, const Parameter& parameter) {
  int64_t count = 0;
  for (const Node& node : graph.nodes) {
    if (node.op == Op::class_token) ++count;
    if (node.op != Op::position_embedding) continue;
    if (graph.parameters[static_cast<size_t>(node.parameters.front())].name == parameter.name) return count;
  }
  return std::nullopt;
}

at::Tensor resampled(const Graph& graph, const Parameter& parameter, const at::Tensor& pos_embed) {
  const int64_t prefix = prefix_tokens(graph, parameter).value_or(0);
  const int64_t side = std::llround(std::sqrt(static_cast<double>(parameter.shape[1] - prefix)));
  return resample_pos_embed(pos_embed, side, side, prefix);
}

/// Compares a file with a network and says how each tensor gets its values.
class Planner {
 public:
  Planner(const Safetensors& file, const Graph& graph, const LoadOptions& options)
      : file_(file), graph_(graph), options_(options) {}

  std::vector<Assignment> plan(const std::string& where, const std::vector<at::Tensor>& targets) {
    std::vector<Assignment> out;
    std::set<std::string> names;
    for (size_t i = 0; i < targets.size(); ++i) {
      const Parameter& parameter = graph_.parameters[i];
      names.insert(parameter.name);
      if (const auto it = file_.tensors().find(parameter.name); it == file_.tensors().end()) {
        missing_.push_back(parameter.name);
      } else if (auto assignment = assign(parameter, it->second, targets[i])) {
        out.push_back(*assignment);
      }
    }
    for (const auto& [name, view] : file_.tensors()) {
      if (!names.contains(name)) extra_.push_back(printable(name));
    }
    const std::string wrong = differences();
    if (!wrong.empty()) fail(where, "these are not the weights of ", graph_.architecture, wrong);
    check_types(where, out);
    return out;
  }

 private:
  bool is_classifier(const std::string& name) const {
    for (const std::string* classifier : {&graph_.classifier, &graph_.distill_classifier}) {
      if (name == *classifier + ".weight" || name == *classifier + ".bias") return true;
    }
    return false;
  }

  std::optional<Assignment> assign(const Parameter& parameter, const TensorView& view, const at::Tensor& target) {
    if (view.shape == parameter.shape) return Assignment{target, parameter, view};
    if (const auto change = change_for(parameter, view.shape)) return Assignment{target, parameter, view, *change};
    misshapen_.push_back(str(parameter.name, " ", text(view.shape), " for ", text(parameter.shape)));
    return std::nullopt;
  }

  std::optional<Change> change_for(const Parameter& parameter, const Shape& from) const {
    const Shape& to = parameter.shape;
    if (from.size() != to.size()) return std::nullopt;
    const auto same_but = [&](size_t axis) {
      for (size_t i = 0; i < to.size(); ++i) {
        if (i != axis && from[i] != to[i]) return false;
      }
      return true;
    };
    if (prefix_tokens(graph_, parameter) && same_but(1)) return Change::pos_embed;
    if (!options_.pretrained) return std::nullopt;
    if (is_classifier(parameter.name) && same_but(0)) return Change::initial;
    if (parameter.name == graph_.first_conv + ".weight" && same_but(1) && can_adapt_input_conv(from[1], to[1])) {
      return Change::input_conv;
    }
    return std::nullopt;
  }

  std::string differences() const {
    std::string text;
    if (!missing_.empty()) text += "; missing: " + some(missing_);
    if (!extra_.empty()) text += "; extra: " + some(extra_);
    if (!misshapen_.empty()) text += "; of another shape: " + some(misshapen_);
    return text;
  }

  static void check_types(const std::string& where, const std::vector<Assignment>& plan) {
    for (const Assignment& a : plan) {
      const bool integer = a.parameter.integer;
      if (a.change == Change::initial || is_readable(a.view.dtype, integer)) continue;
      fail(where, "tensor '", a.parameter.name, "' is ", dtype_name(a.view.dtype), "; expected ",
           integer ? "I64" : "F32, F16 or BF16", "; convert the file");
    }
  }

  const Safetensors& file_;
  const Graph& graph_;
  const LoadOptions& options_;
  std::vector<std::string> missing_, extra_, misshapen_;
};

// Computes what is not simply copied, before anything is changed.
void adapt(const Graph& graph, Assignment& a) {
  if (a.change == Change::none || a.change == Change::initial) return;
  const at::Tensor values = at::empty(a.view.shape, at::TensorOptions(at::kFloat));
  a.finite = read_values(a.view, values);
  a.adapted = a.change == Change::input_conv ? adapt_input_conv(values, a.parameter.shape[1])
                                             : resampled(graph, a.parameter, values);
}

// "conv1" of "conv1.weight".
std::string module_of(const std::string& parameter) { return parameter.substr(0, parameter.rfind('.')); }

// What the user should know of a change, or nothing.
std::string remark(const Assignment& a) {
  const Shape &from = a.view.shape, &to = a.parameter.shape;
  const std::string module = module_of(a.parameter.name);
  if (a.change == Change::input_conv) {
    return str("first_conv ", module, ": ", from[1], " -> ", to[1], " channels, adapted from the pretrained ones");
  }
  if (a.change == Change::pos_embed) {
    return str("position embedding ", a.parameter.name, ": ", from[1], " -> ", to[1], " tokens, resampled");
  }
  if (a.change == Change::initial && to.size() > 1) {
    return str("classifier ", module, ": ", from[0], " -> ", to[0], " classes, made anew");
  }
  return {};
}

}  // namespace

std::vector<std::string> Network::load(const std::filesystem::path& path, const LoadOptions& options) {
  const Safetensors file(path);
  std::vector<Assignment> plan = Planner(file, graph_, options).plan(path.string(), by_index_);
  for (Assignment& a : plan) adapt(graph_, a);
  const at::NoGradGuard no_grad;
  std::vector<std::string> remarks;
  for (Assignment& a : plan) {
    if (a.change == Change::initial) {
      if (!filled_) fill_tensor(a.parameter, seed_, a.target);
    } else if (a.change == Change::none) {
      a.finite = read_values(a.view, a.target);
    } else {
      a.target.copy_(a.adapted);
    }
    if (const std::string line = remark(a); !line.empty()) remarks.push_back(line);
    if (!a.finite) remarks.push_back("tensor " + a.parameter.name + " holds NaN or infinite values");
  }
  filled_ = true;
  return remarks;
}

void Network::quantise(const std::filesystem::path& weights) {
  const Safetensors file(weights);
  const auto it = file.metadata().find(kInt8Key);
  const std::string where = weights.string();
  if (it == file.metadata().end()) fail(where, "was not trained for INT8; train it with --quantize int8");
  quantise();
  quantiser_ = std::make_unique<FakeQuantiser>(graph_, parse_int8_ranges(where + ": " + kInt8Key, it->second), where);
}

void Network::save(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> kept;  // contiguous copies that the views point into
  std::map<std::string, TensorView> views;
  for (const auto* list : {&parameters_, &buffers_}) {
    for (const auto& [name, tensor] : *list) {
      kept.push_back(tensor.detach().to(at::kCPU).contiguous());
      const at::Tensor& t = kept.back();
      views[name] = {t.scalar_type() == at::kLong ? DType::i64 : DType::f32,
                     t.sizes().vec(),
                     {static_cast<const std::byte*>(t.const_data_ptr()), t.nbytes()}};
    }
  }
  std::map<std::string, std::string> all = metadata;
  if (quantiser_) all[kInt8Key] = int8_ranges_text(quantiser_->ranges(graph_));
  write_safetensors(path, views, all);
}

}  // namespace retort
