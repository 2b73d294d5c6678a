/// \file ema.h
/// Averaged weights: what is reported where `ema` is on.
#pragma once

#include <vector>

#include "retort/network.h"

namespace retort {

/// average = decay * average + (1 - decay) * weight after each step, of parameters and buffers alike; counts are
/// copied. It begins at the weights that the network has when this is made. The optimizer moves the averages of
/// parameters in its own pass (Optimizer::keep_averages).
class Ema {
 public:
  Ema(const Network& network, double decay);
  /// Moves the averages of buffers.
  void update_buffers();
  /// Exchanges the averages with the network's tensors; a second call undoes it.
  void swap();
  /// By the network's names; the tensors are the average's own.
  const std::vector<NamedTensor>& state() const { return state_; }

 private:
  double decay_;
  std::vector<NamedTensor> state_;
  std::vector<at::Tensor> live_, average_, live_buffers_, buffers_, live_counts_, counts_;
};

}  // namespace retort
