#include "network/init.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/random.h"

namespace retort {

namespace {

// Numbers that one output is made of, and that one input goes into.
double fan(const Parameter& p, size_t channels) {
  double n = static_cast<double>(p.shape.at(channels));
  for (size_t i = 2; i < p.shape.size(); ++i) n *= static_cast<double>(p.shape[i]);
  return n;
}
double fan_in(const Parameter& p) { return fan(p, 1); }
double fan_out(const Parameter& p) { return fan(p, 0); }

void fill_normal(Rng rng, double deviation, std::span<float> values) {
  for (float& v : values) v = static_cast<float>(deviation * rng.normal());
}

void fill_uniform(Rng rng, double bound, std::span<float> values) {
  for (float& v : values) v = static_cast<float>(bound * (2 * rng.uniform() - 1));
}

}  // namespace

void fill_parameter(const Parameter& p, uint64_t seed, std::span<float> values) {
  const Rng rng = stream(seed, Purpose::init, fnv1a(p.name));
  switch (p.init) {
    case Init::zeros:
      return std::fill(values.begin(), values.end(), 0.0f);
    case Init::ones:
      return std::fill(values.begin(), values.end(), 1.0f);
    case Init::kaiming_fan_out:
      return fill_normal(rng, std::sqrt(2 / fan_out(p)), values);
    case Init::conv_fan_out:
      return fill_normal(rng, std::sqrt(2 / (fan_out(p) / static_cast<double>(p.groups))), values);
    case Init::torch_default:
      return fill_uniform(rng, 1 / std::sqrt(fan_in(p)), values);
    case Init::linear_uniform:
      return fill_uniform(rng, 1 / std::sqrt(fan_out(p)), values);
    case Init::linear_normal:
      return fill_normal(rng, 0.01, values);
    case Init::trunc_normal:
      return fill_normal(rng, 0.02, values);
    case Init::class_token:
      return fill_normal(rng, 1e-6, values);
    case Init::layer_scale:
      return std::fill(values.begin(), values.end(), 1e-6f);
  }
}

void fill_tensor(const Parameter& p, uint64_t seed, at::Tensor tensor) {
  const at::NoGradGuard no_grad;
  if (p.integer) {
    tensor.zero_();
    return;
  }
  const at::Tensor values = at::empty(p.shape, at::TensorOptions(at::kFloat));  // in the order of the shape
  fill_parameter(p, seed, {values.data_ptr<float>(), static_cast<size_t>(values.numel())});
  tensor.copy_(values);
}

}  // namespace retort
