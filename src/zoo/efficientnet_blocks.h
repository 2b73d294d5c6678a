/// \file efficientnet_blocks.h
/// Stages of inverted residual blocks, which MobileNetV3, MobileNetV4 and EfficientNet share, written as timm writes
/// them: "ir_r2_k3_s2_e6_c24_se0.25_nre" is two blocks of kernel 3, the first of stride 2, with expansion 6, 24
/// channels, squeeze-and-excitation of a quarter, and relu.
#pragma once

#include <string_view>
#include <vector>

#include "retort/graph.h"

namespace retort {

/// Stages, each of one or more groups of like blocks in timm's notation.
using StageTexts = std::vector<std::vector<std::string_view>>;

/// What a family fixes for all of its blocks.
struct BlockStyle {
  Op activation = Op::silu;  ///< where a group does not name its own
  /// MobileNetV3's squeeze-and-excitation: relu and hard_sigmoid, its share taken of the expanded channels, in
  /// multiples of 8. Without it EfficientNet's: the block's activation and sigmoid, its share taken of the block's
  /// input.
  bool hard_squeeze = false;
  double width = 1.0, depth = 1.0;
  bool fixed_ends = false;  ///< the first and the last stage keep their depth
};

/// A 1x1 or larger convolution with the initial weights of these families.
GraphBuilder::Conv efficient_conv(int64_t out, int64_t kernel, int64_t stride = 1);

/// Batch norm and its activation, `name`.act.
int norm_activate(GraphBuilder& b, int x, const std::string& name, Op activation);

/// The first convolution, conv_stem and bn1.
int efficient_stem(GraphBuilder& b, int64_t channels, Op activation);

/// The end of MobileNetV3 and MobileNetV4: the last convolution comes after the pool, where it is cheap.
struct PooledHead {
  int64_t channels = 1280;
  Op activation = Op::relu;
  bool norm = false;  ///< instead of the convolution's bias
};
Graph finish_after_pool(GraphBuilder& b, int x, const PooledHead& head);

/// All stages, called blocks.<stage>.<block>.
int efficient_stages(GraphBuilder& b, int x, const StageTexts& stages, const BlockStyle& style);

}  // namespace retort
