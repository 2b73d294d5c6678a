/// \file needs.h
/// What a training needs, said before it is begun.
#pragma once

#include "retort/train.h"

namespace retort {

struct TrainNeeds {
  int64_t macs = 0;  ///< of one image, forward
  /// Bytes beside the program and the data: four copies of the weights (themselves, gradients, momentum, an average),
  /// and for a batch every node's output twice, for its value and its gradient.
  int64_t memory = 0;
};
/// `options.model` is known. Throws Error where the images are too small for it.
TrainNeeds training_needs(const TrainOptions& options, const DataSet& data);

/// Processor seconds that an image takes in training, measured for a moment: forward, loss and backward on this thread
/// alone, of random pixels. Optimiser, views and validation are not in it.
double measure_training(const TrainOptions& options, const DataSet& data);

}  // namespace retort
