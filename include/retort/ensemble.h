/// \file ensemble.h
/// Combiners: several members' logits in, one set of logits out; calibrations: the same for one member. They work on
/// predictions alone. docs/ensembles.md has each one's formula.
#pragma once

#include <filesystem>
#include <functional>
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

/// The same of members that are run when they are asked for.
struct LazyMembers {
  int64_t members = 0, samples = 0, classes = 0;
  /// Writes the logits of the members from `first` to before `last` for the samples at `positions`, which ascend:
  /// [last - first, positions, C].
  std::function<void(int64_t first, int64_t last, std::span<const int64_t> positions, float* out)> run;
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
  /// Writes the same, asking only for those members of those samples that it cannot do without.
  virtual void combine_lazily(const LazyMembers& in, float* out) const;
  /// Whether it may do without some, as a cascade does.
  virtual bool is_lazy() const { return false; }
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

/// The share of samples for which combine_lazily() asks for each member, [M].
std::vector<double> shares_run(const Combiner& combiner, const Predictions& in);

/// A fitted calibration as it lies on disk, in `ensemble.json` or as `calibration.json` of a run.
struct Calibration {
  std::string spec;
  Fitted fitted;
  std::string data, data_hash;                                          ///< what it was fitted on, split val
  double nll_before = 0, nll_after = 0, ece_before = 0, ece_after = 0;  ///< on val

  /// A ready calibration. Throws Error.
  std::unique_ptr<Combiner> make() const;
};

/// How an ensemble runs its members one after another, in their order, and stops where it is sure enough.
struct Cascade {
  /// An answer made of the first members alone, by the ensemble's combiner and calibration, fitted to so many.
  struct Stage {
    int64_t members = 0;
    Fitted fitted, calibration;
    double threshold = 0;  ///< the highest probability, in [0, 1], from which on this is the answer
    double settled = 0;    ///< share of the samples of val that end here
  };
  std::vector<Stage> stages;              ///< all but the last, which is the ensemble itself and takes what is left
  std::string target;                     ///< what they were chosen for: "same" or a share, as in CascadeOptions
  std::string cost;                       ///< what costs are: "measured", in seconds for one image, or "macs"
  std::vector<double> costs;              ///< one a member
  double val_accuracy = 0, val_cost = 0;  ///< on val, where they were chosen; the cost is a sample's mean
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
  std::optional<Cascade> cascade;          ///< where members run one after another

  /// A ready combiner with the fitted numbers, which calibrates too and is the whole cascade where there is one.
  std::unique_ptr<Combiner> make() const;
  /// One weight a member, where that is what was fitted; else empty.
  std::vector<double> weights() const;
  /// Members whose fitted weight is exactly 0 leave; all others stay as they are, and so does what is combined.
  void drop_idle_members();
};

struct CascadeOptions {
  /// "same": the least mean cost at which accuracy on val is not below the whole ensemble's. A number in (0, 1]: the
  /// best accuracy on val at a mean cost of at most this share of the whole ensemble's.
  std::string target = "same";
  std::string cost = "measured";  ///< what `costs` are
  std::vector<double> costs;      ///< of running each member, above 0
  int threads = 0;                ///< 0 is all usable cores
};
/// Throws a usage error where it is no target.
void check_cascade_target(const std::string& target);
/// Makes a cascade of an ensemble that is fitted: orders its members, fits each stage and chooses thresholds, all on
/// `val`, which has the ensemble's members in their order. Members that no stage needs leave. How it searches is in
/// docs/ensembles.md. Throws a usage error where the cheapest member alone is beyond the target, and like
/// fit_combiner().
Ensemble fit_cascade(Ensemble ensemble, const Predictions& val, const CascadeOptions& options);

/// Writes and reads `DIR/ensemble.json`. Throws Error on a damaged or foreign file.
void save_ensemble(const std::filesystem::path& directory, const Ensemble& ensemble);
Ensemble load_ensemble(const std::filesystem::path& directory);
/// Whether `directory` holds an ensemble, and SHA-256 of its ensemble.json, by which others know it. Throws Error.
bool holds_ensemble(const std::filesystem::path& directory);
std::string ensemble_hash(const std::filesystem::path& directory);
/// Throws Error where ensembles lie too deep in each other; the outermost has depth 1.
void check_ensemble_depth(const std::filesystem::path& directory, int depth);

/// Writes and reads `RUN/calibration.json`; `sha256` is of the run's weights. Reading gives nothing where there is no
/// such file and throws Error on a damaged one and on one of other weights.
void save_calibration(const std::filesystem::path& run, const Calibration& calibration, const std::string& sha256);
std::optional<Calibration> load_calibration(const std::filesystem::path& run, const std::string& sha256);

}  // namespace retort
