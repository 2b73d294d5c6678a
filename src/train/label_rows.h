/// \file label_rows.h
/// What a teacher says of samples, as a store of soft labels keeps it.
#pragma once

#include <string>
#include <vector>

#include "retort/model.h"
#include "retort/predictions.h"

namespace retort {

/// The features of one network that `taps` ask for, with their lengths: modules by timm's names, or "embedding", what
/// the classifier is given. Throws a usage error that lists the taps there are.
std::vector<LabelsInfo::Feature> find_features(Model& model, int64_t member, const std::vector<std::string>& taps);

struct LabelRows {
  int64_t samples = 0;                       ///< fewer than asked for where the monitor stopped it
  std::vector<float> logits;                 ///< [samples, classes]
  std::vector<std::vector<float>> features;  ///< [samples, length] of each
};
/// Shows one view of the samples to a model of one network.
LabelRows label_rows(Model& model, const std::vector<LabelsInfo::Feature>& features, const Samples& samples,
                     const PredictOptions& how, const Monitor& monitor);

}  // namespace retort
