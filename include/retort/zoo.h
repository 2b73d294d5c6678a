/// \file zoo.h
/// Backbones under timm's names (ImageNet families) and mdistiller's (small images), as graphs.
#pragma once

#include "retort/graph.h"

namespace retort {

struct ModelInfo {
  std::string name, family;
  Shape input_size;        ///< [C, H, W] the design was made for; every size that fits is accepted
  bool depthwise = false;  ///< has depthwise convolutions, whose bf16 backward is slow on CPUs
};

/// All backbones, in the table's order.
std::vector<ModelInfo> list_models();
/// The row of one. Throws a usage error that lists near names.
const ModelInfo& find_model(const std::string& name);

/// Builds the graph of `name` for images of `channels` and for `classes` logits. Throws a usage error on an unknown
/// name, or on counts below 1.
Graph build_model(const std::string& name, int64_t classes, int64_t channels = 3);

}  // namespace retort
