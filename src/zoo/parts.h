/// \file parts.h
/// What several families are made of.
#pragma once

#include <span>
#include <string>

#include "retort/graph.h"

namespace retort {

/// A convolution without bias whose padding keeps the size at stride 1.
GraphBuilder::Conv same_conv(int64_t out, int64_t kernel, int64_t stride = 1);

/// Squeeze-and-excitation (Hu et al. 2018): a gate for each channel, computed from the mean of all channels.
struct SqueezeExcite {
  std::string name;
  int64_t reduced = 0;  ///< channels between the two 1x1 convolutions
  std::string reduce = "fc1", activate = "act", expand = "fc2";
  Op activation = Op::relu, gate = Op::sigmoid;
  Init init = Init::kaiming_fan_out;
};
int squeeze_excite(GraphBuilder& b, int x, const SqueezeExcite& se);

/// `channels` as a multiple of 8, the nearest one that is at least `least_share` of it: timm's make_divisible.
int64_t round_channels(double channels, double least_share = 0.9);

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
  int64_t cardinality = 1;          ///< groups of a bottleneck's 3x3 convolutions (ResNeXt)
  int64_t base_width = 64;          ///< channels of a bottleneck's 3x3 convolutions for each 64 of the width
  bool average_shortcut = false;    ///< shortcuts pool before a 1x1 convolution of stride 1 (ResNet-D)
  bool squeeze_excite = false;      ///< after the last norm of each block
  Init last_norm = Init::ones;      ///< weight of the last norm of each block
};
int residual_stages(GraphBuilder& b, int x, const ResidualStages& stages);

}  // namespace retort
