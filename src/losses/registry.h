/// \file registry.h
/// What a file in this folder defines: a maker that reads its settings and returns the term. Terms are called with
/// logits that were checked: of one shape, not empty, float32 or float64, the teacher's detached.
#pragma once

#include <concepts>

#include "retort/losses.h"

namespace retort {

/// One term of a loss.
struct LossTerm {
  template <std::invocable<const LossInputs&> Function>
  LossTerm(Function function) : call(std::move(function)) {}

  std::function<at::Tensor(const LossInputs&)> call;
  double weight = 1;
  int64_t warmup = 0;  ///< epochs
};

#define LOSS(name, weight, help) LossTerm make_##name(Settings& settings);
#include "losses/losses.def"
#undef LOSS

}  // namespace retort
