/// \file ensemble.h
/// Combiners: several members' logits in, one set of logits out; calibrations: the same for one member. They work on
/// predictions alone. docs/ensembles.md has each one's formula.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retort/predictions.h"

namespace retort {

/// M members' logits for N samples of C classes, [M, N, C], somewhere in memory.
struct MemberLogits {
  const float* data = nullptr;
  int64_t members = 0, samples = 0, classes = 0;
  int64_t stride = 0;  ///< floats from one member to the next; 0 where they lie side by side, samples * classes

  /// [C] of one member and sample.
  std::span<const float> row(int64_t member, int64_t sample) const {
    return {data + member * (stride > 0 ? stride : samples * classes) + sample * classes, static_cast<size_t>(classes)};
  }
  /// The samples from `begin` to before `end`.
  MemberLogits slice(int64_t begin, int64_t end) const {
    return {data + begin * classes, members, end - begin, classes, stride > 0 ? stride : samples * classes};
  }
};

/// An array of fitted numbers; values row-major.
struct Numbers {
  std::vector<int64_t> shape;
  std::vector<double> values;
  bool operator==(const Numbers&) const = default;
};
/// All that a fit has found, by name, as it is kept on disk; empty where nothing was fitted.
using Fitted = std::map<std::string, Numbers>;

/// A way to combine, or with one member to calibrate. Immutable once fitted; combine() is thread-safe.
class Combiner {
 public:
  virtual ~Combiner() = default;
  /// Writes [N, C] finite logits whose softmax is the ensemble's probability. The order of members is that of the fit;
  /// before a fit all members count alike. Throws Error where members or classes are not those of the fit.
  virtual void combine(const MemberLogits& in, float* out) const = 0;
  /// Whether there is anything to fit.
  virtual bool needs_fit() const { return false; }
  /// Fits on checked, labelled predictions. The result does not depend on the number of threads.
  virtual void fit(const Predictions& /*val*/, int /*threads*/) {}
  virtual Fitted fitted() const { return {}; }
  /// Takes what fitted() gave. Throws Error where it is not what a fit with so many members gives.
  virtual void set_fitted(const Fitted& fitted, int64_t members);
};

/// Makes the combiner (the calibration) of a spec such as `greedy:metric=nll`. Throws a usage error.
std::unique_ptr<Combiner> make_combiner(const std::string& spec);
std::unique_ptr<Combiner> make_calibration(const std::string& spec);
std::vector<ListedItem> list_combiners();
std::vector<ListedItem> list_calibrations();

/// Fits a combiner on held-out predictions; 0 threads are all usable cores. Throws a usage error where `val` is not of
/// the split val (nothing is ever fitted on test, and members know their training samples by heart) or has fewer than
/// two members.
std::unique_ptr<Combiner> fit_combiner(const std::string& spec, const Predictions& val, int threads = 0);
/// The same for a calibration; `val` has one member, which may be what an ensemble's combiner gave.
std::unique_ptr<Combiner> fit_calibration(const std::string& spec, const Predictions& val, int threads = 0);

/// Combines all members of `in`; the result has one member, called `name`.
Predictions combine(const Combiner& combiner, const Predictions& in, const std::string& name);

/// A fitted calibration as it lies on disk, in `ensemble.json` or as `calibration.json` of a run.
struct Calibration {
  std::string spec;
  Fitted fitted;
  std::string data, data_hash;                                          ///< what it was fitted on, split val
  double nll_before = 0, nll_after = 0, ece_before = 0, ece_after = 0;  ///< on val

  /// A ready calibration. Throws Error.
  std::unique_ptr<Combiner> make() const;
};

/// An ensemble as it lies on disk (`ensemble.json`).
struct Ensemble {
  struct Member {
    std::string path;    ///< relative to the ensemble's directory where it can be
    std::string sha256;  ///< of its weights
  };
  std::vector<Member> members;
  std::string combiner;                    ///< spec
  Fitted fitted;                           ///< what its fit has found
  std::string data, data_hash;             ///< what it was fitted on
  std::string split;                       ///< the split it was fitted on; "" where nothing was fitted
  double val_nll = 0, val_accuracy = 0;    ///< before the calibration
  std::optional<Calibration> calibration;  ///< of the combined logits

  /// A ready combiner with the fitted numbers, which calibrates too.
  std::unique_ptr<Combiner> make() const;
  /// One weight a member, where that is what was fitted; else empty.
  std::vector<double> weights() const;
  /// Members whose fitted weight is exactly 0 leave; all others stay as they are, and so does what is combined.
  void drop_idle_members();
};

/// Writes and reads `DIR/ensemble.json`. Throws Error on a damaged or foreign file.
void save_ensemble(const std::filesystem::path& directory, const Ensemble& ensemble);
Ensemble load_ensemble(const std::filesystem::path& directory);

/// Writes and reads `RUN/calibration.json`; `sha256` is of the run's weights. Reading gives nothing where there is no
/// such file and throws Error on a damaged one and on one of other weights.
void save_calibration(const std::filesystem::path& run, const Calibration& calibration, const std::string& sha256);
std::optional<Calibration> load_calibration(const std::filesystem::path& run, const std::string& sha256);

}  // namespace retort
