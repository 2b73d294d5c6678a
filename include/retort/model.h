/// \file model.h
/// Anything that predicts, behind one interface: a run directory, an ONNX or OpenVINO file, an ensemble. Loaded, run
/// over samples. What it costs: model_bench.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retort/data.h"
#include "retort/ensemble.h"
#include "retort/graph.h"
#include "retort/metrics.h"
#include "retort/weights.h"

namespace retort {

class Network;

struct ModelOptions {
  std::string device = "cpu";
  std::string precision = "f32";  ///< "f32", "bf16" or "auto" (by the net's kind); "int8" in OpenVINO
  int64_t img_size = 0;           ///< side of the images that members see; 0 is what each was trained at
  /// What runs the networks of runs: "libtorch", or "openvino", which is faster on a CPU, at the size that each was
  /// trained at, after an export on the way. Files always run in OpenVINO.
  std::string runtime = "libtorch";
  int streams = 1;    ///< in OpenVINO a call's images go to so many networks side by side, which share the threads
  int64_t batch = 0;  ///< OpenVINO compiles for calls of so many images, which is faster; others cost more. 0: any
  std::optional<Samples> calibration = std::nullopt;  ///< images of train that learn the ranges of "int8"
};

/// One or several networks with the combiner that makes one answer of theirs. Not thread-safe.
class Model {
 public:
  /// Loads a run directory (one member) or an ensemble's (its members and fitted combiner), with the calibration that
  /// lies there. Throws Error where files are damaged, or weights are not those that ensemble or calibration were
  /// fitted with.
  explicit Model(const std::string& path, const ModelOptions& options = {}, const Monitor& monitor = {});
  ~Model();
  Model(Model&&) noexcept;

  const std::string& path() const;
  /// The directory's name.
  std::string name() const;
  bool is_ensemble() const;
  /// Whether what it costs depends on the images: a cascade, or an ensemble that holds one.
  bool is_cascade() const;
  /// Networks. An ensemble within an ensemble counts by its own.
  int64_t members() const;
  int64_t classes() const;
  /// Per member: its directory or hub name, weights' SHA-256 and configuration, and what one image costs it.
  struct Member {
    std::string path, hash;
    ModelConfig config;
    Cost cost = {};
  };
  const Member& member(int64_t m) const;
  /// A member's network, for those who look inside (network.h). The model's own. Throws Error where it is a file.
  Network& network(int64_t m);
  const Combiner& combiner() const;
  /// What the networks run in: "f32" or "bf16", "mixed" where members differ.
  std::string precision() const;
  /// ModelOptions::streams; 1 where LibTorch runs a member.
  int streams() const;
  /// Sums over members, for one image of each member's size.
  Cost cost() const;
  /// Bytes of weights and configurations.
  int64_t size_on_disk() const;

  /// What members see: one entry for each preprocessing among them, in the order of their first member.
  struct Input {
    Preprocess preprocess;
    std::vector<int64_t> members;
  };
  const std::vector<Input>& inputs() const;
  /// Logits of all members for n images: `images` has, for each of inputs(), n of them made by its preprocessing,
  /// [n, H, W, C]; out [M, n, classes].
  void member_logits(std::span<const float* const> images, int64_t n, float* out);
  /// Combined logits, [n, classes]. Of a cascade, each image is shown to those members alone that it needs.
  void logits(std::span<const float* const> images, int64_t n, float* out);

  /// Throws Error where the model does not fit the data: classes, label names or channels differ. Grey images fit
  /// networks for colour, and the other way round.
  void check_fits(const DataSet& data) const;

 private:
  struct State;
  LazyMembers lazily(std::span<const float* const> images, int64_t n);
  std::unique_ptr<State> state_;
};

/// Which pixels a prediction is made from.
struct PredictOptions {
  int64_t batch = 256;
  Augment augment = Augment();
  uint64_t seed = 0;  ///< of the view
  int64_t view = kPlainView;
  std::vector<int64_t> mix_with = {};  ///< what mixed views draw from, see LoaderOptions
};

/// Runs every member over the samples, each with its own preprocessing. Samples without labels give predictions without
/// labels. Returns early, with what is there, when the monitor says stop.
Predictions predict(Model& model, const Samples& samples, const PredictOptions& options = {},
                    const Monitor& monitor = {});
/// The same, of samples of `data`, which the model must fit.
Predictions predict(Model& model, const DataSet& data, const Samples& samples, const PredictOptions& options = {},
                    const Monitor& monitor = {});

/// Test-time augmentation: an ensemble of views of each sample.
struct ViewsOptions {
  int64_t views = 1;                            ///< the plain one, and views - 1 augmented ones
  std::string augment;                          ///< of all but the plain one; "" mirrors, which makes two views
  std::string combiner = "mean_probabilities";  ///< of the views; one that has nothing to fit
  uint64_t seed = 0;
};
/// The model's combined logits, over views where there are several: one member. Costs `views` predictions. Throws usage
/// errors. Stopped by the monitor, it returns fewer samples than asked for.
Predictions predict_views(Model& model, const Samples& samples, const ViewsOptions& options = {},
                          const Monitor& monitor = {});

struct EnsembleOptions {
  std::vector<std::string> members;  ///< runs and ensembles, at least two
  std::string method = "mean_logits";
  std::string calibration;  ///< of what was combined, by spec; empty for none
  std::string data = "fashion-mnist";
  std::string split = "val";              ///< what is fitted on; all others are refused
  int64_t samples = 0;                    ///< a fixed subset of it; 0 is all
  bool skip_broken = false;               ///< leave out images that cannot be read
  int threads = 0;                        ///< 0 is all usable cores
  std::string cascade;                    ///< CascadeOptions::target; empty for none
  std::string cascade_cost = "measured";  ///< of members: "measured" latency of one image, or "macs"
  std::string out;
  ModelOptions model;
};
/// Predicts on val, fits the combiner and the calibration there and writes `out/ensemble.json`, without members whose
/// fitted weight is 0. A run's own calibration does not count here, an ensemble's does. A cascade is calibrated by
/// `temperature` where nothing else is given. Throws usage errors on fewer than two members, the same one twice and the
/// test split; throws Error, and writes nothing, where the monitor stops it.
Ensemble fit_ensemble(const EnsembleOptions& options, const Monitor& monitor = {});

struct CalibrateOptions {
  std::string path;  ///< a run or an ensemble
  std::string method = "temperature";
  std::string data = "fashion-mnist";
  int64_t samples = 0;       ///< a fixed subset of val; 0 is all
  bool skip_broken = false;  ///< leave out images that cannot be read
  int threads = 0;           ///< 0 is all usable cores
  ModelOptions model;
};
/// Fits a calibration on val and keeps it with the model, in place of one that is there: as `calibration.json` of a
/// run, in `ensemble.json` of an ensemble. From then on Model applies it. Throws usage errors on models of the hub,
/// cascades and unknown methods; throws Error, and writes nothing, where the monitor stops it.
Calibration calibrate_model(const CalibrateOptions& options, const Monitor& monitor = {});

}  // namespace retort
