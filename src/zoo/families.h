/// \file families.h
/// The families that zoo.def chooses from: options of each, and the function that writes its graph. A new family is one
/// file, one pair of lines here and its rows in zoo.def.
#pragma once

#include <array>

#include "retort/graph.h"

namespace retort {

/// timm's ResNets.
struct ResNetOptions {
  std::array<int, 4> layers{};  ///< blocks in each stage
  bool bottleneck = false;
  bool tiered = false;  ///< the "t" variants: a stem of three convolutions, average pools in shortcuts
};
Graph build_resnet(GraphBuilder& b, const ResNetOptions& options);

struct MobileNetV3Options {
  bool large = false;
  double width = 1.0;
};
Graph build_mobilenetv3(GraphBuilder& b, const MobileNetV3Options& options);

struct EfficientNetOptions {
  double depth = 1.0;
};
Graph build_efficientnet(GraphBuilder& b, const EfficientNetOptions& options);

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

}  // namespace retort
