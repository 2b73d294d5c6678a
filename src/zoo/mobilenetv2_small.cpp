// MobileNetV2 (Sandler et al. 2018) for small images, as mdistiller builds it. Names are indices, for mdistiller keeps
// the layers in Sequentials.
#include <algorithm>

#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

int conv_norm_relu(GraphBuilder& b, int x, const std::string& name, int first_index, const GraphBuilder::Conv& conv) {
  const auto indexed = [&](int i) { return str(name, ".", first_index + i); };
  x = b.batch_norm(b.conv2d(x, indexed(0), conv), indexed(1));
  return b.apply(Op::relu, indexed(2), {x});
}

int inverted_residual(GraphBuilder& b, int x, const std::string& name, int64_t expanded, int64_t out, int64_t stride) {
  const std::string conv = name + ".conv";
  GraphBuilder::Conv depthwise = same_conv(expanded, 3, stride);
  depthwise.groups = expanded;
  int y = conv_norm_relu(b, x, conv, 0, same_conv(expanded, 1));
  y = conv_norm_relu(b, y, conv, 3, depthwise);
  y = b.batch_norm(b.conv2d(y, conv + ".6", same_conv(out, 1)), conv + ".7");
  const bool skips = stride == 1 && b.channels_of(x) == out;
  return skips ? b.apply(Op::add, name + ".add", {y, x}) : y;
}

struct Stage {
  int64_t expansion, channels;
  int blocks;
  int64_t stride;
};

}  // namespace

Graph build_mobilenetv2_small(GraphBuilder& b, const MobileNetV2SmallOptions& options) {
  const std::array<Stage, 7> stages{{
      {1, 16, 1, 1},
      {6, 24, 2, 1},
      {6, 32, 3, 2},
      {6, 64, 4, 2},
      {6, 96, 3, 1},
      {6, 160, 3, 2},
      {6, 320, 1, 1},
  }};
  const auto scaled = [&](int64_t channels) {
    return static_cast<int64_t>(static_cast<double>(channels) * options.width);
  };
  int x = conv_norm_relu(b, b.input(), "conv1", 0, same_conv(scaled(32), 3, 2));
  for (size_t s = 0; s < stages.size(); ++s) {
    const Stage& stage = stages[s];
    for (int i = 0; i < stage.blocks; ++i) {
      x = inverted_residual(b, x, str("blocks.", s, ".", i), b.channels_of(x) * stage.expansion, scaled(stage.channels),
                            i == 0 ? stage.stride : 1);
    }
  }
  x = conv_norm_relu(b, x, "conv2", 0, same_conv(std::max<int64_t>(1280, scaled(1280)), 1));
  return finish_with_head(b, x,
                          {.first_conv = "conv1.0",
                           .pool = "avgpool",
                           .flatten = "flatten",
                           .classifier = "classifier.0",
                           .init = Init::linear_normal});
}

}  // namespace retort
