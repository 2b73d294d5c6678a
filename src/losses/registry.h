/// \file registry.h
/// What a file in this folder defines: a maker that reads its settings and returns the term. Terms are called with
/// logits that were checked: of one shape, not empty, float32 or float64, the teacher's detached.
#pragma once

#include <concepts>

#include "losses/loss_parts.h"
#include "losses/taps.h"
#include "retort/losses.h"

namespace retort {

/// Features at a term's taps, in their order, in float32 or float64, the teacher's detached. Tokens were made maps; all
/// are [N, C, H, W] or, where the term pools them, [N, C].
using Features = std::vector<at::Tensor>;

/// One term of a loss.
struct LossTerm {
  using LogitFunction = std::function<at::Tensor(const LossInputs&)>;
  using FeatureFunction =
      std::function<at::Tensor(const Features& student, const Features& teacher, const LossInputs&)>;

  /// Of logits and labels alone.
  template <std::invocable<const LossInputs&> Function>
  LossTerm(Function function) : of_logits(std::move(function)) {}
  /// Of features that are seen at `looks`: `make` is called once both networks are known.
  template <std::invocable<LossParts&> Make>
  LossTerm(const Looks& where, Make make_function) : looks(where), make(std::move(make_function)) {}
  /// The same, of features without parts of its own.
  template <std::invocable<const Features&, const Features&> Function>
  LossTerm(const Looks& where, Function function)
      : LossTerm(where, [function](LossParts&) -> FeatureFunction {
          return [function](const Features& s, const Features& t, const LossInputs&) { return function(s, t); };
        }) {}

  LogitFunction of_logits;
  Looks looks;  ///< after connect(): with the taps that were found
  std::function<FeatureFunction(LossParts&)> make;
  FeatureFunction of_features;
  /// Of the features of every member: `make` is called for each, and what the functions give is stacked, [M, ...], for
  /// `combine`.
  std::function<at::Tensor(const at::Tensor&, const LossInputs&)> combine;
  std::vector<Looks> member_looks;
  std::vector<FeatureFunction> of_members;

  bool leaves_out_unlabelled = false;  ///< looks at labels, and so teaches nothing where there are none

  std::string name;
  double weight = 1;
  int64_t warmup = 0;  ///< epochs
  /// Does not care for the scale of the student's logits, or of its probabilities: see Loss::leaves_scale_open().
  bool scale_open = false;
};

/// A term that looks at labels: of the samples that have one, times their share of the batch; 0 where none has.
LossTerm of_labelled(LossTerm::LogitFunction function);
/// The samples that have labels alone, without features.
LossInputs labelled_rows(const LossInputs& inputs);
/// The share of the batch that has labels.
double labelled_share(const LossInputs& inputs);

#define LOSS(name, weight, help) LossTerm make_##name(Settings& settings);
#include "losses/losses.def"
#undef LOSS

}  // namespace retort
