/// \file classifier.h
/// What in a model is the image, what the answer, and how an image becomes its input.
#pragma once

#include "infer/openvino.h"
#include "retort/weights.h"

namespace retort {

struct Classifier {
  std::shared_ptr<ov::Model> model;  ///< of one input, float32 [N, H, W, C], and one output, float32 [N, classes]
  ModelConfig config;
  std::string provenance;
  bool quantised = false;      ///< it holds INT8
  bool probabilities = false;  ///< it ends in a softmax
  int64_t parameters = 0;
};

/// What the model of `file` says of itself, or timm's config.json beside it does. Throws Error where neither is there.
ModelConfig find_config(const fs::path& file, const ov::Model& model);

/// Reads the file and fits it to what Session calls. `batch` and `img_size` are SessionOptions's. Throws Error.
Classifier read_classifier(const fs::path& file, int64_t batch, int64_t img_size);

}  // namespace retort
