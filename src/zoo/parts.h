/// \file parts.h
/// What several families are made of.
#pragma once

#include <span>
#include <string>

#include "retort/graph.h"

namespace retort {

/// A convolution without bias whose padding keeps the size at stride 1.
GraphBuilder::Conv same_conv(int64_t out, int64_t kernel, int64_t stride = 1);

/// Names of the last nodes, and of the first convolution.
struct Head {
  std::string first_conv, pool, flatten, classifier;
  Init init = Init::torch_default;
};
/// Adds a global average pool, flatten and the classifier; ends the graph.
Graph finish_with_head(GraphBuilder& b, int x, const Head& head);

/// Stages of residual blocks, called layer1.0 and so on. All but the first stage halve the resolution.
struct ResidualStages {
  std::span<const int> blocks;      ///< in each stage
  std::span<const int64_t> widths;  ///< of each stage's 3x3 convolutions
  bool bottleneck = false;          ///< 1x1, 3x3, 1x1 convolutions, the last four times as wide, instead of two 3x3
  bool average_shortcut = false;    ///< shortcuts pool before a 1x1 convolution of stride 1 (ResNet-D)
  Init last_norm = Init::ones;      ///< weight of the last norm of each block
};
int residual_stages(GraphBuilder& b, int x, const ResidualStages& stages);

}  // namespace retort
