/// \file held_out.h
/// What fits are made from: answers to samples that no network was trained on.
#pragma once

#include "retort/model.h"

namespace retort {

/// A fixed subset of val; 0 samples are all.
Samples fit_samples(const DataSet& data, int64_t samples, bool skip_broken, const Monitor& monitor);

/// The networks of the model in `path`, on all `samples`. Throws Error where the monitor stops it.
Predictions predict_all(const std::string& path, const DataSet& data, const Samples& samples,
                        const ModelOptions& options, const Monitor& monitor);

/// A member's one answer: a run's logits without its calibration, an ensemble's combined ones. Throws as above.
Predictions held_out(const std::string& path, const DataSet& data, const Samples& samples, const ModelOptions& options,
                     const Monitor& monitor);

/// Fits the calibration of `spec` on one member's answers.
Calibration calibrate(const std::string& spec, const DataSet& data, const Predictions& val, int threads);

}  // namespace retort
