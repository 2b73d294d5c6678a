/// \file families.h
/// The families that zoo.def chooses from: options of each, and the function that writes its graph. A new family is one
/// file, one pair of lines here and its rows in zoo.def.
#pragma once

#include <array>

#include "retort/graph.h"

namespace retort {

/// timm's ResNets, ResNeXts, wide ResNets and SE-ResNets.
struct ResNetOptions {
  std::array<int, 4> layers{};  ///< blocks in each stage
  bool bottleneck = false;
  /// timm's letter. b: a stem of one convolution. c, s, d, t: a stem of three ones, of 32, 32, 64 channels, or 64, 64,
  /// 128 (s), or 24, 32, 64 (t). d and t: average pools in shortcuts.
  char variant = 'b';
  int64_t cardinality = 1, base_width = 64;  ///< groups, and channels of each 64, of a bottleneck's 3x3 convolutions
  bool se = false;                           ///< squeeze-and-excitation
};
Graph build_resnet(GraphBuilder& b, const ResNetOptions& options);

struct MobileNetV3Options {
  bool large = false;
  double width = 1.0, depth = 1.0;
};
Graph build_mobilenetv3(GraphBuilder& b, const MobileNetV3Options& options);

enum class MobileNetV4Size { small, medium, large };
struct MobileNetV4Options {
  MobileNetV4Size size = MobileNetV4Size::small;
  double width = 1.0;
};
Graph build_mobilenetv4(GraphBuilder& b, const MobileNetV4Options& options);

struct EfficientNetOptions {
  double width = 1.0, depth = 1.0;
  bool lite = false;  ///< relu6, no squeeze-and-excitation; stem, head, first and last stage are not scaled
};
Graph build_efficientnet(GraphBuilder& b, const EfficientNetOptions& options);

/// timm's RegNets: widths of d blocks along w0 + wa * i, rounded to powers of wm times w0 (Radosavovic et al. 2020).
struct RegNetOptions {
  int depth = 0;
  double w0 = 0, wa = 0, wm = 0;
  int64_t group_size = 1;  ///< channels of each group of the 3x3 convolutions
  bool se = false;         ///< squeeze-and-excitation: RegNetY
};
Graph build_regnet(GraphBuilder& b, const RegNetOptions& options);

/// timm's vision transformers and DeiTs of twelve blocks, for square images of the builder's image_size.
struct VitOptions {
  int64_t patch_size = 16, embed_dim = 192, num_heads = 3;
  bool distilled = false;  ///< a distillation token and its classifier
};
Graph build_vit(GraphBuilder& b, const VitOptions& options);

struct ConvNextOptions {
  std::array<int, 4> depths{};    ///< blocks in each stage
  std::array<int64_t, 4> dims{};  ///< channels of each stage
  bool conv_mlp = false;          ///< 1x1 convolutions in place of linear layers: other shapes of the same weights
};
Graph build_convnext(GraphBuilder& b, const ConvNextOptions& options);

/// mdistiller's ResNets for small images: the stem keeps the resolution.
struct ResNetSmallOptions {
  int depth = 8;                                  ///< 6 n + 2: n blocks in each of three stages
  std::array<int64_t, 4> widths{16, 16, 32, 64};  ///< of the stem and the stages
};
Graph build_resnet_small(GraphBuilder& b, const ResNetSmallOptions& options);

/// mdistiller's wide ResNets (Zagoruyko and Komodakis 2016): norms before convolutions.
struct WideResNetOptions {
  int depth = 16;  ///< 6 n + 4: n blocks in each of three stages
  int64_t widen = 1;
};
Graph build_wide_resnet(GraphBuilder& b, const WideResNetOptions& options);

/// mdistiller's VGGs with batch norm and one linear layer.
struct VggOptions {
  int convolutions = 1;  ///< in each of the five blocks
};
Graph build_vgg(GraphBuilder& b, const VggOptions& options);

/// mdistiller's MobileNetV2 (Sandler et al. 2018) for small images: relu instead of relu6, half the strides.
struct MobileNetV2SmallOptions {
  double width = 1.0;
};
Graph build_mobilenetv2_small(GraphBuilder& b, const MobileNetV2SmallOptions& options);

/// mdistiller's ShuffleNets for small images: the stem keeps the resolution.
struct ShuffleNetV1Options {
  std::array<int64_t, 3> widths{};  ///< of the stages
  std::array<int, 3> blocks{4, 8, 4};
  int64_t groups = 3;
};
Graph build_shufflenetv1(GraphBuilder& b, const ShuffleNetV1Options& options);

struct ShuffleNetV2Options {
  std::array<int64_t, 4> widths{};     ///< of the stages and the last convolution
  std::array<int, 3> blocks{4, 8, 4};  ///< the first of each stage halves the resolution
};
Graph build_shufflenetv2(GraphBuilder& b, const ShuffleNetV2Options& options);

}  // namespace retort
