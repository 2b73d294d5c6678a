#include "zoo/parts.h"

#include <algorithm>

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

std::vector<GraphBuilder::Conv> convolutions(const Block& block, const ResidualStages& stages) {
  if (!stages.bottleneck) return {same_conv(block.width, 3, block.stride), same_conv(block.out, 3)};
  const int64_t inner = block.width * stages.base_width / 64 * stages.cardinality;
  GraphBuilder::Conv middle = same_conv(inner, 3, block.stride);
  middle.groups = stages.cardinality;
  return {same_conv(inner, 1), middle, same_conv(block.out, 1)};
}

int residual_block(GraphBuilder& b, int x, const Block& block, const ResidualStages& stages) {
  const std::vector<GraphBuilder::Conv> convs = convolutions(block, stages);
  int y = x;
  for (size_t i = 1; i <= convs.size(); ++i) {
    const bool last = i == convs.size();
    y = b.conv2d(y, str(block.name, ".conv", i), convs[i - 1]);
    y = b.batch_norm(y, str(block.name, ".bn", i), last ? stages.last_norm : Init::ones);
    if (last && stages.squeeze_excite) {
      y = squeeze_excite(
          b, y, {.name = block.name + ".se", .reduced = round_channels(static_cast<double>(block.out) / 16, 0)});
    }
    if (last) y = b.apply(Op::add, block.name + ".add", {y, shortcut(b, x, block, stages.average_shortcut)});
    y = b.apply(Op::relu, str(block.name, ".act", i), {y});
  }
  return y;
}

}  // namespace

GraphBuilder::Conv same_conv(int64_t out, int64_t kernel, int64_t stride) {
  return {.out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2};
}

int squeeze_excite(GraphBuilder& b, int x, const SqueezeExcite& se) {
  const auto conv = [&](int input, const std::string& name, int64_t out) {
    return b.conv2d(input, se.name + "." + name, {.out = out, .bias = true, .init = se.init});
  };
  int gate = b.apply(Op::global_avg_pool, se.name + ".pool", {x});
  gate = conv(gate, se.reduce, se.reduced);
  gate = b.apply(se.activation, se.name + "." + se.activate, {gate});
  gate = conv(gate, se.expand, b.channels_of(x));
  gate = b.apply(se.gate, se.name + ".gate", {gate});
  return b.apply(Op::multiply, se.name, {x, gate});
}

int64_t round_channels(double channels, double least_share) {
  constexpr int64_t kDivisor = 8;
  const int64_t nearest_multiple = static_cast<int64_t>(channels + kDivisor / 2.0) / kDivisor * kDivisor;
  const int64_t rounded = std::max(kDivisor, nearest_multiple);
  return static_cast<double>(rounded) < least_share * channels ? rounded + kDivisor : rounded;
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
