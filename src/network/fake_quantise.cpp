#include "network/fake_quantise.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/fake_quantize_per_channel_affine.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "network/run_node.h"

namespace retort {

namespace {

constexpr double kRate = 0.01;  // of the moving average: PyTorch's averaging_constant

size_t at_place(int i) { return static_cast<size_t>(i); }

bool has_weights(Op op) { return op == Op::conv2d || op == Op::linear; }

// One scale an output channel, the first axis, from what the channel holds now.
at::Tensor round_weights(const at::Tensor& weights) {
  at::Tensor scale;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor high = weights.abs().flatten(1).amax(1);
    scale = high.clamp_min(least_channel(high.max().item<float>())).div(kInt8Weights);
  }
  const auto most = static_cast<int64_t>(kInt8Weights);
  const at::Tensor zero = at::zeros(scale.sizes(), scale.options().dtype(at::kInt));
  return at::fake_quantize_per_channel_affine(weights, scale, zero, /*axis=*/0, -most, most);
}

}  // namespace

FakeQuantiser::FakeQuantiser(const Graph& graph)
    : folded_into_(graph.nodes.size(), -1),
      norms_(folded_norms(graph)),
      place_(graph.nodes.size(), -1),
      site_(graph.nodes.size()) {
  for (size_t i = 0; i < norms_.size(); ++i) {
    if (norms_[i] >= 0) folded_into_[at_place(norms_[i])] = static_cast<int>(i);
  }
  int values = 0;
  for (const Int8Site& site : int8_sites(graph)) {
    site_[at_place(site.node)] = true;
    for (const int input : site.inputs) {
      if (place_[at_place(input)] < 0) place_[at_place(input)] = values++;
    }
  }
  const c10::InferenceMode off(false);
  low_ = at::zeros({values}, at::kFloat), high_ = at::zeros({values}, at::kFloat);
  batches_ = at::zeros({}, at::kLong);
  state_ = {{"low", low_}, {"high", high_}, {"batches", batches_}};
}

FakeQuantiser::FakeQuantiser(const Graph& graph, const Int8Ranges& ranges, const std::string& where)
    : FakeQuantiser(graph) {
  for (size_t i = 0; i < place_.size(); ++i) {
    if (place_[i] < 0) continue;
    const auto it = ranges.find(graph.nodes[i].name);
    if (it == ranges.end()) fail(where, "has no range of '", graph.nodes[i].name, "'; train it with --quantize int8");
    low_.mutable_data_ptr<float>()[place_[i]] = it->second.low;
    high_.mutable_data_ptr<float>()[place_[i]] = it->second.high;
  }
  batches_.fill_(1);
}

Int8Ranges FakeQuantiser::ranges(const Graph& graph) const {
  Int8Ranges ranges;
  for (size_t i = 0; i < place_.size(); ++i) {
    const int p = place_[i];
    if (p >= 0) ranges[graph.nodes[i].name] = {low_.const_data_ptr<float>()[p], high_.const_data_ptr<float>()[p]};
  }
  return ranges;
}

void FakeQuantiser::check_tap(const Graph& graph, int node) const {
  const int norm = norms_[at_place(node)];
  if (norm < 0) return;
  fail_usage(graph.architecture, "'", graph.nodes[at_place(node)].name, "' cannot be looked at in INT8, which folds '",
             graph.nodes[at_place(norm)].name, "' into it; look at that");
}

void FakeQuantiser::observe(int place, const at::Tensor& value, double rate) {
  const at::NoGradGuard no_grad;
  const auto [low, high] = at::aminmax(value);
  const auto move = [&](const at::Tensor& range, const at::Tensor& seen) {
    float& end = range.mutable_data_ptr<float>()[place];
    end += static_cast<float>(rate * (seen.item<float>() - end));
  };
  move(low_, low), move(high_, high);
}

FakeQuantiser::Pass::Pass(FakeQuantiser& quantiser, const Graph& graph, const std::vector<at::Tensor>& parameters,
                          bool learn)
    : quantiser_(quantiser), graph_(graph), parameters_(parameters), rounded_(graph.nodes.size()) {
  auto& batches = *quantiser.batches_.mutable_data_ptr<int64_t>();
  if (learn) rate_ = std::max(kRate, 1 / static_cast<double>(++batches));
  if (batches == 0) fail(graph.architecture, "has no ranges for INT8 yet; they come with the first batch of training");
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!has_weights(node.op)) continue;
    if (const int norm = quantiser.norms_[i]; norm >= 0) fold_norm(node, graph.nodes[at_place(norm)]);
    at::Tensor& weights = parameters_[at_place(node.parameters[0])];
    weights = round_weights(weights);
  }
}

// y = norm(conv(x)) becomes conv(x) of other weights, and a sum of a bias a channel, which is left to the norm.
void FakeQuantiser::Pass::fold_norm(const Node& conv, const Node& norm) {
  const auto parameter = [&](const Node& node, size_t i) -> at::Tensor& {
    return parameters_[at_place(node.parameters[i])];
  };
  const at::Tensor factor = parameter(norm, 0).mul(parameter(norm, 3).add(norm.eps).rsqrt());
  parameter(norm, 1) = parameter(norm, 1).sub(parameter(norm, 2).mul(factor));
  parameter(conv, 0) = parameter(conv, 0).mul(factor.view({-1, 1, 1, 1}));
  if (conv.has_bias) parameter(conv, 1) = parameter(conv, 1).mul(factor);
}

at::Tensor FakeQuantiser::Pass::run(int node, const std::vector<at::Tensor>& values) {
  const Node& n = graph_.nodes[at_place(node)];
  if (const int conv = quantiser_.folded_into_[at_place(node)]; conv >= 0) {
    return values[at_place(conv)].add(parameters_[at_place(n.parameters[1])].view({1, -1, 1, 1}));
  }
  const bool rounded = quantiser_.site_[at_place(node)] || reads_rounded(n.op);
  const at::Tensor& x = read(n, 0, rounded, values);
  const at::Tensor* second = n.inputs.size() > 1 ? &read(n, 1, rounded, values) : nullptr;
  return run_node(n, {.x = x, .second = second, .parameters = parameters_, .training = false});
}

const at::Tensor& FakeQuantiser::Pass::read(const Node& node, size_t input, bool rounded,
                                            const std::vector<at::Tensor>& values) {
  const size_t from = at_place(node.inputs[input]);
  const int place = quantiser_.place_[from];
  if (place < 0 || !rounded) return values[from];
  at::Tensor& kept = rounded_[from];
  if (kept.defined()) return kept;
  if (rate_ > 0) quantiser_.observe(place, values[from], rate_);
  const Int8Steps steps =
      int8_steps({quantiser_.low_.const_data_ptr<float>()[place], quantiser_.high_.const_data_ptr<float>()[place]});
  kept =
      at::fake_quantize_per_tensor_affine(values[from], steps.scale, steps.zero, 0, static_cast<int64_t>(kInt8Values));
  return kept;
}

}  // namespace retort
