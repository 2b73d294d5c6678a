// ShuffleNet V2 (Ma et al. 2018) for small images, as mdistiller builds it.
#include "zoo/families.h"
#include "zoo/parts.h"
#include "zoo/shufflenet.h"

namespace retort {

namespace {

constexpr int64_t kBranches = 2;

/// Half of the channels pass; the other half is computed from.
int basic_block(GraphBuilder& b, int x, const std::string& name) {
  const int64_t half = b.channels_of(x) / kBranches;
  const int kept = b.channel_slice(x, name + "split.0", 0, half);
  int y = b.channel_slice(x, name + "split.1", half, b.channels_of(x) - half);
  y = shuffle_conv_relu(b, y, name, 1, same_conv(half, 1));
  y = shuffle_conv(b, y, name, 2, depthwise_conv(b, y, 1));
  y = shuffle_conv_relu(b, y, name, 3, same_conv(half, 1));
  return b.channel_shuffle(b.apply(Op::concat, name + "concat", {kept, y}), name + "shuffle", kBranches);
}

int halving_block(GraphBuilder& b, int x, const std::string& name, int64_t out) {
  int left = shuffle_conv(b, x, name, 1, depthwise_conv(b, x, 2));
  left = shuffle_conv_relu(b, left, name, 2, same_conv(out / kBranches, 1));
  int right = shuffle_conv_relu(b, x, name, 3, same_conv(out / kBranches, 1));
  right = shuffle_conv(b, right, name, 4, depthwise_conv(b, right, 2));
  right = shuffle_conv_relu(b, right, name, 5, same_conv(out / kBranches, 1));
  return b.channel_shuffle(b.apply(Op::concat, name + "concat", {left, right}), name + "shuffle", kBranches);
}

}  // namespace

Graph build_shufflenetv2(GraphBuilder& b, const ShuffleNetV2Options& options) {
  int x = shuffle_stem(b);
  for (size_t stage = 0; stage < options.blocks.size(); ++stage) {
    for (int i = 0; i < options.blocks[stage]; ++i) {
      const std::string name = str("layer", stage + 1, ".", i, ".");
      x = i == 0 ? halving_block(b, x, name, options.widths[stage]) : basic_block(b, x, name);
    }
  }
  x = shuffle_conv_relu(b, x, "", 2, same_conv(options.widths.back(), 1));
  return finish_shufflenet(b, x);
}

}  // namespace retort
