// VGGs (Simonyan and Zisserman 2014) with batch norm for small images, as mdistiller builds them.
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

Graph build_vgg(GraphBuilder& b, const VggOptions& options) {
  const std::array<int64_t, 5> widths{64, 128, 256, 512, 512};
  int x = b.input();
  for (size_t block = 0; block < widths.size(); ++block) {
    // Three halvings: the last two blocks share their resolution.
    if (block >= 1 && block <= 3) x = b.pool(Op::max_pool, x, str("pool", block - 1), 2, 2, 0);
    for (int i = 0; i < options.convolutions; ++i) {
      const auto name = [&](int layer) { return str("block", block, ".", 3 * i + layer); };
      GraphBuilder::Conv conv = same_conv(widths[block], 3);
      conv.bias = true;
      x = b.batch_norm(b.conv2d(x, name(0), conv), name(1));
      x = b.apply(Op::relu, name(2), {x});
    }
  }
  return finish_with_head(
      b, x, {.first_conv = "block0.0", .pool = "pool4", .flatten = "flatten", .classifier = "classifier"});
}

}  // namespace retort
