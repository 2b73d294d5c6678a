// ResNets (He et al. 2015) and what came of them, as timm builds them: stems and shortcuts after "Bag of Tricks" (He et
// al. 2018), ResNeXt (Xie et al. 2016), wide bottlenecks (Zagoruyko and Komodakis 2016), squeeze-and-excitation.
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

/// Three 3x3 convolutions instead of one 7x7. Names are indices, for timm keeps them in a Sequential.
int deep_stem(GraphBuilder& b, char variant) {
  const int64_t width = variant == 's' ? 64 : 32;
  int x = b.conv2d(b.input(), "conv1.0", same_conv(variant == 't' ? width / 4 * 3 : width, 3, 2));
  x = b.apply(Op::relu, "conv1.2", {b.batch_norm(x, "conv1.1")});
  x = b.conv2d(x, "conv1.3", same_conv(width, 3));
  x = b.apply(Op::relu, "conv1.5", {b.batch_norm(x, "conv1.4")});
  return b.conv2d(x, "conv1.6", same_conv(2 * width, 3));
}

}  // namespace

Graph build_resnet(GraphBuilder& b, const ResNetOptions& options) {
  const bool deep = options.variant != 'b';
  int x = deep ? deep_stem(b, options.variant) : b.conv2d(b.input(), "conv1", same_conv(64, 7, 2));
  x = b.apply(Op::relu, "act1", {b.batch_norm(x, "bn1")});
  x = b.pool(Op::max_pool, x, "maxpool", 3, 2, 1);
  const std::array<int64_t, 4> widths{64, 128, 256, 512};
  x = residual_stages(b, x,
                      {.blocks = options.layers,
                       .widths = widths,
                       .bottleneck = options.bottleneck,
                       .cardinality = options.cardinality,
                       .base_width = options.base_width,
                       .average_shortcut = options.variant == 'd' || options.variant == 't',
                       .squeeze_excite = options.se,
                       .last_norm = Init::zeros});
  return finish_with_head(b, x,
                          {.first_conv = deep ? "conv1.0" : "conv1",
                           .pool = "global_pool.pool",
                           .flatten = "global_pool.flatten",
                           .classifier = "fc"});
}

}  // namespace retort
