/// \file zoo.h
/// Backbones under timm's names (ImageNet families) and mdistiller's (small images), as graphs.
#pragma once

#include "retort/graph.h"

namespace retort {

struct ModelInfo {
  std::string name, family;
  Shape input_size;        ///< [C, H, W] the design was made for
  bool depthwise = false;  ///< has depthwise convolutions, whose bf16 backward is slow on CPUs
  /// As timm's: takes square images of one side only, which build_model is given. Without it, every size that fits.
  bool fixed_input_size = false;
};

/// All backbones, in the table's order.
std::vector<ModelInfo> list_models();
/// The row of one. Throws a usage error that lists near names.
const ModelInfo& find_model(const std::string& name);

/// Builds the graph of `name` for images of `channels` and for `classes` logits. `image_size` is their side where
/// ModelInfo::fixed_input_size, 0 for the design's; other models ignore it. Throws a usage error on an unknown name, on
/// counts below 1, or on images smaller than a patch.
Graph build_model(const std::string& name, int64_t classes, int64_t channels = 3, int64_t image_size = 0);

}  // namespace retort
