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
      const bool number = named.tensor.is_floating_point();
      state_.push_back({named.name, named.tensor.detach().clone()});
      (number ? live_ : live_counts_).push_back(named.tensor);
      (number ? average_ : counts_).push_back(state_.back().tensor);
    }
  }
}

void Ema::update() {
  const at::NoGradGuard no_grad;
  at::_foreach_lerp_(average_, live_, at::Scalar(1 - decay_));
  if (!counts_.empty()) at::_foreach_copy_(counts_, live_counts_);
}

void Ema::swap() {
  const at::NoGradGuard no_grad;
  const auto exchange = [](std::vector<at::Tensor>& a, std::vector<at::Tensor>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const at::Tensor kept = a[i].detach().clone();
      a[i].copy_(b[i]);
      b[i].copy_(kept);
    }
  };
  exchange(live_, average_);
  exchange(live_counts_, counts_);
}

}  // namespace retort
