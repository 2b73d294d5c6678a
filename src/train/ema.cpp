#include "train/ema.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>

namespace retort {

Ema::Ema(const Network& network, double decay) : decay_(decay) {
  const at::NoGradGuard no_grad;
  for (const auto* tensors : {&network.parameters(), &network.buffers()}) {
    for (const NamedTensor& named : *tensors) {
      if (tensors == &network.parameters() && !named.tensor.requires_grad()) continue;  // frozen: its own average
      state_.push_back({named.name, named.tensor.detach().clone()});
      live_.push_back(named.tensor);
      average_.push_back(state_.back().tensor);
      if (tensors == &network.parameters()) continue;
      const bool number = named.tensor.is_floating_point();
      (number ? live_buffers_ : live_counts_).push_back(named.tensor);
      (number ? buffers_ : counts_).push_back(state_.back().tensor);
    }
  }
}

void Ema::update_buffers() {
  const at::NoGradGuard no_grad;
  if (!buffers_.empty()) at::_foreach_lerp_(buffers_, live_buffers_, at::Scalar(1 - decay_));
  if (!counts_.empty()) at::_foreach_copy_(counts_, live_counts_);
}

void Ema::swap() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < live_.size(); ++i) {
    const at::Tensor kept = live_[i].detach().clone();
    live_[i].copy_(average_[i]);
    average_[i].copy_(kept);
  }
}

}  // namespace retort
