/// \file fake_quantise.h
/// A network that computes in float32 what its export in INT8 will, so that training gets used to it:
/// quantisation-aware training (Jacob et al. 2018, arXiv:1712.05877).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "graph/int8.h"
#include "retort/network.h"

namespace retort {

/// Rounds weights and values where int8_sites() and reads_rounded() say. Norms are folded with their running statistics
/// before weights are rounded, in training too: the file knows no others, and the scale of a channel must not jump from
/// batch to batch. Gradients pass straight through what lies inside a range, and are zero outside.
class FakeQuantiser {
 public:
  /// Ranges are learnt: each batch of training moves them to its lowest and highest values, as their mean over the
  /// first 100 and a moving average from then on.
  explicit FakeQuantiser(const Graph& graph);
  /// Ranges are given; `where` opens the error where one is missing.
  FakeQuantiser(const Graph& graph, const Int8Ranges& ranges, const std::string& where);

  /// What is learnt, for checkpoints.
  const std::vector<NamedTensor>& state() const { return state_; }
  Int8Ranges ranges(const Graph& graph) const;
  /// Throws a usage error where inference folds a norm into the node, whose own output is not there to be seen.
  void check_tap(const Graph& graph, int node) const;

  /// One forward through the network.
  class Pass {
   public:
    /// `learn`: ranges move.
    Pass(FakeQuantiser& quantiser, const Graph& graph, const std::vector<at::Tensor>& parameters, bool learn);
    /// What `node` gives, of what is there already.
    at::Tensor run(int node, const std::vector<at::Tensor>& values);

   private:
    const at::Tensor& read(const Node& node, size_t input, bool rounded, const std::vector<at::Tensor>& values);
    void fold_norm(const Node& conv, const Node& norm);

    FakeQuantiser& quantiser_;
    const Graph& graph_;
    std::vector<at::Tensor> parameters_;  ///< weights folded and rounded; of a folded norm its bias is what it adds
    std::vector<at::Tensor> rounded_;     ///< per node: its value, once somebody has read it rounded
    double rate_ = 0;                     ///< of the moving average; 0: ranges stay
  };

 private:
  void observe(int place, const at::Tensor& value, double rate);

  std::vector<int> folded_into_;  ///< per node: the convolution that it, a norm, is folded into; -1: none
  std::vector<int> norms_;        ///< per node: folded_norms()
  std::vector<int> place_;        ///< per node: of its value's range; -1: it is never rounded
  std::vector<bool> site_;        ///< per node
  at::Tensor low_, high_;         ///< [values]
  at::Tensor batches_;            ///< [], that ranges were learnt from
  std::vector<NamedTensor> state_;
};

}  // namespace retort
