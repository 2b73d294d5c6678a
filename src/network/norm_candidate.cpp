// Batch norm with the activation and the residual addition that follow it, in one pass each way. Of all of them only
// the norm's input and numbers for each channel are kept for the gradient; after an addition the result, too, which the
// next convolution keeps anyway.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <optional>

#include "network/gradient.h"
#include "network/parts.h"
#include "network/plan.h"
#include "network/run_node.h"

namespace retort {

namespace {

std::optional<Activation> activation_of(Op op) {
  switch (op) {
    case Op::relu:
      return Activation::relu;
    case Op::relu6:
      return Activation::relu6;
    case Op::hard_swish:
      return Activation::hard_swish;
    case Op::silu:
      return Activation::silu;
    default:
      return std::nullopt;
  }
}

std::vector<int> match_norm(const Site& site, int i) {
  if (site.node(i).op != Op::batch_norm) return {};
  std::vector<int> nodes = {i};
  int next = site.reader(i);
  const bool added = next >= 0 && site.node(next).op == Op::add;
  if (added) {
    nodes.push_back(next);
    next = site.reader(next);
  }
  const auto activation = next >= 0 ? activation_of(site.node(next).op) : std::nullopt;
  // After an addition the derivative must be known from the result alone.
  if (activation && (!added || *activation == Activation::relu)) nodes.push_back(next);
  return nodes;
}

// Numbers for each channel.
struct Channels {
  at::Tensor all;
  const float* of(int64_t i) const { return all.const_data_ptr<float>() + i * all.size(1); }
  float* to(int64_t i) { return all.mutable_data_ptr<float>() + i * all.size(1); }
};
enum { kMean, kInverse, kScale, kOffset, kByX, kConstant, kChannelNumbers };

struct Norm {
  at::Tensor x, y;  ///< y where the gradient needs it
  Channels channels;
  Activation activation = Activation::none;
  bool batch_statistics = false, added = false;

  int64_t rows() const { return x.numel() / x.size(1); }
  int64_t parts() const { return part_count(rows(), x.numel()); }
  NormRows kernel() const { return {x.size(1), activation, channels.of(kScale), channels.of(kOffset)}; }
};

// The sums of all parts, [2, channels], in the parts' order.
template <class F>
std::vector<double> sum_parts(const Norm& norm, const F& fill) {
  const auto size = static_cast<size_t>(2 * norm.x.size(1));
  std::vector<double> sums(size * static_cast<size_t>(norm.parts()));
  run_parts(norm.rows(), norm.parts(),
            [&](int64_t i, Part part) { fill(part, sums.data() + static_cast<size_t>(i) * size); });
  for (size_t i = size; i < sums.size(); ++i) sums[i % size] += sums[i];
  sums.resize(size);
  return sums;
}

// Mean and deviation of this batch, which also go into the running statistics.
void take_batch_statistics(const StepRun& run, const Node& node, Norm& norm) {
  const int64_t channels = norm.x.size(1), count = norm.rows();
  const float* shift = norm.x.const_data_ptr<float>();  // near the mean, so that squares do not cancel
  const std::vector<double> sums = sum_parts(
      norm, [&](Part part, double* to) { norm_sums(channels, part, norm.x.const_data_ptr<float>(), shift, to); });
  const at::Tensor &running_mean = run.parameter(node, 2), &running_var = run.parameter(node, 3);
  float* mean_to = running_mean.mutable_data_ptr<float>();
  float* var_to = running_var.mutable_data_ptr<float>();
  const auto n = static_cast<double>(count);
  for (int64_t c = 0; c < channels; ++c) {
    const double first = sums[static_cast<size_t>(c)] / n;
    const double variance = std::max(0.0, sums[static_cast<size_t>(channels + c)] / n - first * first);
    const double mean = static_cast<double>(shift[c]) + first;
    norm.channels.to(kMean)[c] = static_cast<float>(mean);
    norm.channels.to(kInverse)[c] = static_cast<float>(1 / std::sqrt(variance + node.eps));
    const auto average = [&](float& kept, double now) {
      kept = static_cast<float>((1 - node.momentum) * static_cast<double>(kept) + node.momentum * now);
    };
    average(mean_to[c], mean);
    average(var_to[c], variance * n / (n - 1));
  }
}

void take_running_statistics(const StepRun& run, const Node& node, Norm& norm) {
  const float* mean = run.parameter(node, 2).const_data_ptr<float>();
  const float* variance = run.parameter(node, 3).const_data_ptr<float>();
  for (int64_t c = 0; c < norm.x.size(1); ++c) {
    norm.channels.to(kMean)[c] = mean[c];
    norm.channels.to(kInverse)[c] = static_cast<float>(1 / std::sqrt(static_cast<double>(variance[c]) + node.eps));
  }
}

void set_scale(const StepRun& run, const Node& node, Norm& norm) {
  const float* weight = run.parameter(node, 0).const_data_ptr<float>();
  const float* bias = run.parameter(node, 1).const_data_ptr<float>();
  for (int64_t c = 0; c < norm.x.size(1); ++c) {
    const float scale = weight[c] * norm.channels.of(kInverse)[c];
    norm.channels.to(kScale)[c] = scale;
    norm.channels.to(kOffset)[c] = bias[c] - norm.channels.of(kMean)[c] * scale;
  }
}

// Gradients by x, weight, bias and the residual.
std::vector<at::Tensor> norm_gradients(Norm norm, const at::Tensor& gradient) {
  const at::Tensor dy = channels_last(gradient);
  const int64_t channels = norm.x.size(1);
  const float* x = norm.x.const_data_ptr<float>();
  const float* y = norm.y.defined() ? norm.y.const_data_ptr<float>() : nullptr;
  const float* by = dy.const_data_ptr<float>();
  const at::Tensor dx = at::empty_like(norm.x);
  const bool own_residual = norm.added && norm.activation != Activation::none;
  // An exponential costs more than writing dz and reading it.
  const bool keeps = own_residual || norm.activation == Activation::silu;
  const at::Tensor dz = own_residual ? at::empty_like(norm.x) : keeps ? dx : dy;
  float* dz_to = keeps ? dz.mutable_data_ptr<float>() : nullptr;
  const std::vector<double> sums = sum_parts(norm, [&](Part part, double* to) {
    norm_backward_sums(norm.kernel(), part, x, y, by, norm.channels.of(kMean), to, dz_to);
  });
  const at::Tensor dweight = at::empty({channels}, dy.options()), dbias = at::empty({channels}, dy.options());
  for (int64_t c = 0; c < channels; ++c) {
    const double inverse = static_cast<double>(norm.channels.of(kInverse)[c]),
                 scale = static_cast<double>(norm.channels.of(kScale)[c]);
    const double bias_sum = sums[static_cast<size_t>(c)],
                 weight_sum = sums[static_cast<size_t>(channels + c)] * inverse;
    dweight.mutable_data_ptr<float>()[c] = static_cast<float>(weight_sum);
    dbias.mutable_data_ptr<float>()[c] = static_cast<float>(bias_sum);
    const double share = norm.batch_statistics ? -scale / static_cast<double>(norm.rows()) : 0;
    norm.channels.to(kByX)[c] = static_cast<float>(share * inverse * weight_sum);
    norm.channels.to(kConstant)[c] = static_cast<float>(share * bias_sum);
  }
  const NormGradient parts{norm.channels.of(kMean), norm.channels.of(kByX), norm.channels.of(kConstant)};
  NormRows rows = norm.kernel();
  if (keeps) {
    rows.activation = Activation::none;
    by = dz_to;
    y = nullptr;
  }
  float* dx_to = dx.mutable_data_ptr<float>();
  run_parts(norm.rows(), norm.parts(), [&](int64_t, Part part) { norm_backward(rows, parts, part, x, y, by, dx_to); });
  std::vector<at::Tensor> out = {dx, dweight, dbias};
  if (norm.added) out.push_back(dz);
  return out;
}

at::Tensor run_norm(const StepRun& run) {
  const Node& node = run.node();
  const int input = node.inputs[0];
  Norm norm;
  norm.batch_statistics = run.training && run.parameter(node, 0).requires_grad();  // frozen ones keep theirs
  norm.added = run.step.nodes.size() > 1 && run.node(1).op == Op::add;
  norm.activation = activation_of(run.node(run.step.nodes.size() - 1).op).value_or(Activation::none);
  std::vector<at::Tensor> inputs = {run.value(input), run.parameter(node, 0), run.parameter(node, 1)};
  if (norm.added) {
    const std::vector<int>& terms = run.node(1).inputs;
    inputs.push_back(run.value(terms[terms[0] == run.step.nodes[0] ? 1 : 0]));
  }
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    norm.x = channels_last(inputs[0].detach());
    norm.channels.all = at::empty({kChannelNumbers, norm.x.size(1)}, norm.x.options());
    if (norm.batch_statistics) {
      count_batch(node, norm.rows(), run.parameter(node, 4));
      take_batch_statistics(run, node, norm);
    } else {
      take_running_statistics(run, node, norm);
    }
    set_scale(run, node, norm);
    const at::Tensor residual = norm.added ? channels_last(inputs[3].detach()) : at::Tensor();
    y = at::empty_like(norm.x);
    float* to = y.mutable_data_ptr<float>();
    const float* add = norm.added ? residual.const_data_ptr<float>() : nullptr;
    run_parts(norm.rows(), norm.parts(),
              [&](int64_t, Part part) { norm_forward(norm.kernel(), part, norm.x.const_data_ptr<float>(), add, to); });
    if (norm.added && norm.activation != Activation::none) norm.y = y.detach();
  }
  set_backward(y, inputs, [norm](const at::Tensor& dy, const std::vector<bool>&) { return norm_gradients(norm, dy); });
  return y;
}

}  // namespace

Candidate norm_candidate() { return {"norm", match_norm, run_norm}; }

}  // namespace retort
