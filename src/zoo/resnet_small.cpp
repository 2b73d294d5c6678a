// ResNets for small images (He et al. 2015, section 4.2), with mdistiller's shortcuts: 1x1 convolutions.
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

Graph build_resnet_small(GraphBuilder& b, const ResNetSmallOptions& options) {
  const int blocks = (options.depth - 2) / 6;
  int x = b.conv2d(b.input(), "conv1", same_conv(options.widths[0], 3));
  x = b.apply(Op::relu, "act1", {b.batch_norm(x, "bn1")});
  const std::array<int, 3> layers{blocks, blocks, blocks};
  x = residual_stages(b, x, {.blocks = layers, .widths = std::span(options.widths).subspan(1)});
  return finish_with_head(b, x, {.first_conv = "conv1", .pool = "avgpool", .flatten = "flatten", .classifier = "fc"});
}

}  // namespace retort
