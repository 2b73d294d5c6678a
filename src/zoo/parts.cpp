#include "zoo/parts.h"

namespace retort {

namespace {

struct Block {
  std::string name;
  int64_t width = 0, out = 0, stride = 1;
};

/// The branch that carries the block's input to its end.
int shortcut(GraphBuilder& b, int x, const Block& block, bool average) {
  if (block.stride == 1 && b.channels_of(x) == block.out) return x;
  const std::string name = block.name + ".downsample.";
  if (!average) {
    x = b.conv2d(x, name + "0", same_conv(block.out, 1, block.stride));
    return b.batch_norm(x, name + "1");
  }
  if (block.stride > 1) x = b.pool(Op::avg_pool, x, name + "0", 2, block.stride, 0, /*ceil_mode=*/true);
  x = b.conv2d(x, name + "1", same_conv(block.out, 1));
  return b.batch_norm(x, name + "2");
}

int residual_block(GraphBuilder& b, int x, const Block& block, const ResidualStages& stages) {
  using Convs = std::vector<GraphBuilder::Conv>;
  const Convs convs = stages.bottleneck ? Convs{same_conv(block.width, 1), same_conv(block.width, 3, block.stride),
                                                same_conv(block.out, 1)}
                                        : Convs{same_conv(block.width, 3, block.stride), same_conv(block.out, 3)};
  int y = x;
  for (size_t i = 1; i <= convs.size(); ++i) {
    const bool last = i == convs.size();
    y = b.conv2d(y, str(block.name, ".conv", i), convs[i - 1]);
    y = b.batch_norm(y, str(block.name, ".bn", i), last ? stages.last_norm : Init::ones);
    if (last) y = b.apply(Op::add, block.name + ".add", {y, shortcut(b, x, block, stages.average_shortcut)});
    y = b.apply(Op::relu, str(block.name, ".act", i), {y});
  }
  return y;
}

}  // namespace

GraphBuilder::Conv same_conv(int64_t out, int64_t kernel, int64_t stride) {
  return {.out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2};
}

Graph finish_with_head(GraphBuilder& b, int x, const Head& head) {
  x = b.apply(Op::global_avg_pool, head.pool, {x});
  x = b.apply(Op::flatten, head.flatten, {x});
  b.linear(x, head.classifier, b.classes(), head.init);
  return b.finish(head.first_conv, head.classifier);
}

int residual_stages(GraphBuilder& b, int x, const ResidualStages& stages) {
  for (size_t stage = 0; stage < stages.blocks.size(); ++stage) {
    const int64_t width = stages.widths[stage];
    for (int i = 0; i < stages.blocks[stage]; ++i) {
      x = residual_block(b, x,
                         {.name = str("layer", stage + 1, ".", i),
                          .width = width,
                          .out = stages.bottleneck ? 4 * width : width,
                          .stride = stage > 0 && i == 0 ? 2 : 1},
                         stages);
    }
  }
  return x;
}

}  // namespace retort
