// ResNets (He et al. 2015) as timm builds them; the "t" variants after "Bag of Tricks" (He et al. 2018).
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

/// Three 3x3 convolutions instead of one 7x7. Names are indices, for timm keeps them in a Sequential.
int tiered_stem(GraphBuilder& b) {
  int x = b.conv2d(b.input(), "conv1.0", same_conv(24, 3, 2));
  x = b.apply(Op::relu, "conv1.2", {b.batch_norm(x, "conv1.1")});
  x = b.conv2d(x, "conv1.3", same_conv(32, 3));
  x = b.apply(Op::relu, "conv1.5", {b.batch_norm(x, "conv1.4")});
  return b.conv2d(x, "conv1.6", same_conv(64, 3));
}

}  // namespace

Graph build_resnet(GraphBuilder& b, const ResNetOptions& options) {
  int x = options.tiered ? tiered_stem(b) : b.conv2d(b.input(), "conv1", same_conv(64, 7, 2));
  x = b.apply(Op::relu, "act1", {b.batch_norm(x, "bn1")});
  x = b.pool(Op::max_pool, x, "maxpool", 3, 2, 1);
  const std::array<int64_t, 4> widths{64, 128, 256, 512};
  x = residual_stages(b, x,
                      {.blocks = options.layers,
                       .widths = widths,
                       .bottleneck = options.bottleneck,
                       .average_shortcut = options.tiered,
                       .last_norm = Init::zeros});
  return finish_with_head(b, x,
                          {.first_conv = options.tiered ? "conv1.0" : "conv1",
                           .pool = "global_pool.pool",
                           .flatten = "global_pool.flatten",
                           .classifier = "fc"});
}

}  // namespace retort
