/// \file input.h
/// How a training's images come in, where its options leave that open.
#pragma once

#include "retort/data.h"
#include "retort/network.h"
#include "retort/train.h"
#include "retort/weights.h"

namespace retort {

/// `augment` itself, or with what its first word "auto" means for this data: random crops of the padded image and flips
/// where all images have one size, else random resized crops and flips.
std::string resolve_augment(const std::string& augment, const DataSet& data);

/// What the network of a training sees: with pretrained weights their preprocessing, else that of the data, at the size
/// of `options.img_size` where it is given. Images of one size keep it; others get the backbone's.
Preprocess training_preprocess(const TrainOptions& options, const DataSet& data, const ModelConfig* pretrained);

/// The batch's images, made for `size`, where `network` takes them.
at::Tensor images_of(const Batch& batch, const ImageShape& size, const Network& network);

/// Threads that make batches: files are decoded on every core that training leaves idle, pixels in memory need few.
int loader_workers(const DataSet& data, int threads);

/// The view that an epoch trains on: a new one each time, or all `views` in turn, in an order that the seed decides
/// anew each time through.
int64_t view_of_epoch(const TrainOptions& options, int64_t epoch);

}  // namespace retort
