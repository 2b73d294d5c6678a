/// \file held_out.h
/// What fits are made from: answers to samples that no network behind them was trained on.
#pragma once

#include <filesystem>

#include "retort/model.h"

namespace retort {

/// What to ask of whom. Keeps references.
struct HeldOut {
  const DataSet& data;
  const Samples& samples;  ///< of val; networks trained by folds answer for train, too
  bool only_samples;       ///< whether those, too, answer for `samples` alone
  const ModelOptions& options;
  const Monitor& monitor;

  /// One member's one answer: a run's logits without its calibration, an ensemble's combined ones, and for networks
  /// trained by folds what each of them said of its own fold. Throws Error where the monitor stops it.
  Predictions of(const std::string& path) const;
  /// The members of an ensemble in `directory`, side by side.
  Predictions members_of(const Ensemble& ensemble, const std::filesystem::path& directory) const;
};

/// A fixed subset of val; 0 samples are all.
Samples fit_samples(const DataSet& data, int64_t samples, bool skip_broken, const Monitor& monitor);

/// Side by side, on the samples that all of them answer for.
Predictions align_common(std::vector<Predictions> parts);

/// Where train_folds keeps its predictions, below its directory.
inline constexpr const char* kOutOfFold = "out_of_fold";
/// Whether the networks in `directory` were trained by folds, so that each has seen most of val.
bool trained_by_folds(const std::filesystem::path& directory);

/// Fits the calibration of `spec` on one member's answers.
Calibration calibrate(const std::string& spec, const DataSet& data, const Predictions& val, int threads);

}  // namespace retort
