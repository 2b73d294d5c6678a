// ShuffleNet (Zhang et al. 2017) for small images, as mdistiller builds it.
#include "zoo/families.h"
#include "zoo/parts.h"
#include "zoo/shufflenet.h"

namespace retort {

namespace {

/// The first block of a stage halves the resolution and keeps its pooled input beside what it computes.
int shuffle_block(GraphBuilder& b, int x, const std::string& name, int64_t out, int64_t groups, bool halves) {
  const int64_t branch = halves ? out - b.channels_of(x) : out;
  const auto grouped = [](int64_t channels, int64_t count) {
    GraphBuilder::Conv conv = same_conv(channels, 1);
    conv.groups = count;
    return conv;
  };
  constexpr int64_t kStemWidth = 24;  // too few channels for groups
  const int64_t first_groups = b.channels_of(x) == kStemWidth ? 1 : groups;
  int y = shuffle_conv_relu(b, x, name, 1, grouped(branch / 4, first_groups));
  y = b.channel_shuffle(y, name + "shuffle1", first_groups);
  y = shuffle_conv_relu(b, y, name, 2, depthwise_conv(b, y, halves ? 2 : 1));
  y = shuffle_conv(b, y, name, 3, grouped(branch, groups));
  if (halves) x = b.pool(Op::avg_pool, x, name + "shortcut.0", 3, 2, 1);
  y = b.apply(halves ? Op::concat : Op::add, name + (halves ? "concat" : "add"), {y, x});
  return b.apply(Op::relu, name + "act3", {y});
}

}  // namespace

Graph build_shufflenetv1(GraphBuilder& b, const ShuffleNetV1Options& options) {
  int x = shuffle_stem(b);
  for (size_t stage = 0; stage < options.widths.size(); ++stage) {
    for (int i = 0; i < options.blocks[stage]; ++i) {
      const std::string name = str("layer", stage + 1, ".", i, ".");
      x = shuffle_block(b, x, name, options.widths[stage], options.groups, i == 0);
    }
  }
  return finish_shufflenet(b, x);
}

}  // namespace retort
