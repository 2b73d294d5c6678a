/// \file selection.h
/// Which samples a training takes, and which it is judged on.
#pragma once

#include "retort/train.h"

namespace retort {

/// `data` as the training sees it: without broken images where asked, train cut to its subset, its fold or its bag, and
/// with folds val the fold that is left out; behind train's samples those that the teacher alone speaks for. Throws
/// Error where train is empty and where the monitor stops it.
DataSet select_samples(const TrainOptions& options, DataSet data, const Monitor& monitor);

/// The same for labelling: what a training with the same options learns from.
DataSet select_samples(const LabelOptions& options, DataSet data, const Monitor& monitor);

/// What a store of soft labels says of the samples that it is of: data's train.
LabelsInfo labels_info(const DataSet& data);

/// The fold of a sample, from 1 to `folds`: a fixed hash of its id.
int64_t fold_of(uint64_t id, int64_t folds);

/// As many samples as there are, drawn with replacement; a function of `seed` alone.
Samples bag_of(const Samples& samples, uint64_t seed);

}  // namespace retort
