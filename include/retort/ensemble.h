/// \file ensemble.h
/// Combiners: several members' logits in, one set of logits out. They work on predictions alone.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retort/predictions.h"

namespace retort {

/// M members' logits for N samples of C classes, [M, N, C], somewhere in memory.
struct MemberLogits {
  const float* data = nullptr;
  int64_t members = 0, samples = 0, classes = 0;
};

/// A way to combine. Immutable once fitted; combine() is thread-safe.
class Combiner {
 public:
  virtual ~Combiner() = default;
  /// Writes [N, C] logits whose softmax is the ensemble's probability. Order of members follows the fit.
  virtual void combine(const MemberLogits& in, float* out) const = 0;
  /// Fits on held-out predictions; the default has nothing to fit.
  virtual void fit(const Predictions&) {}
  /// Fitted numbers as they are kept in ensemble.json, one a member; empty where there are none.
  virtual std::vector<double> weights() const { return {}; }
  virtual void set_weights(const std::vector<double>& /*weights*/) {}
};

/// Makes the combiner of a spec: `mean_logits`, `mean_probabilities`, `weighted`. Throws a usage error.
std::unique_ptr<Combiner> make_combiner(const std::string& spec);
std::vector<ListedItem> list_combiners();

/// Combines all members of `in`; the result has one member, called `name`.
Predictions combine(const Combiner& combiner, const Predictions& in, const std::string& name);

/// An ensemble as it lies on disk (`ensemble.json`).
struct Ensemble {
  struct Member {
    std::string path;    ///< relative to the ensemble's directory where it can be
    std::string sha256;  ///< of its weights
  };
  std::vector<Member> members;
  std::string combiner;         ///< spec
  std::vector<double> weights;  ///< fitted numbers, one a member, or none
  std::string data, data_hash;  ///< what it was fitted on
  std::string split;            ///< the split it was fitted on; "" where nothing was fitted
  double val_nll = 0, val_accuracy = 0;

  /// A ready combiner with the fitted numbers.
  std::unique_ptr<Combiner> make() const;
};

/// Fits a combiner on held-out predictions. Throws a usage error where `val` is not of the split val (nothing is ever
/// fitted on test, and members know their training samples by heart) or has fewer than two members.
std::unique_ptr<Combiner> fit_combiner(const std::string& spec, const Predictions& val);

/// Writes and reads `DIR/ensemble.json`. Throws Error on a damaged or foreign file.
void save_ensemble(const std::filesystem::path& directory, const Ensemble& ensemble);
Ensemble load_ensemble(const std::filesystem::path& directory);

}  // namespace retort
