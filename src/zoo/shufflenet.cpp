#include "zoo/shufflenet.h"

#include "zoo/parts.h"

namespace retort {

int shuffle_conv(GraphBuilder& b, int x, const std::string& name, int i, GraphBuilder::Conv conv) {
  conv.init = Init::torch_default;
  return b.batch_norm(b.conv2d(x, str(name, "conv", i), conv), str(name, "bn", i));
}

int shuffle_conv_relu(GraphBuilder& b, int x, const std::string& name, int i, const GraphBuilder::Conv& conv) {
  return b.apply(Op::relu, str(name, "act", i), {shuffle_conv(b, x, name, i, conv)});
}

GraphBuilder::Conv depthwise_conv(const GraphBuilder& b, int x, int64_t stride) {
  GraphBuilder::Conv conv = same_conv(b.channels_of(x), 3, stride);
  conv.groups = conv.out;
  return conv;
}

int shuffle_stem(GraphBuilder& b) { return shuffle_conv_relu(b, b.input(), "", 1, same_conv(24, 1)); }

Graph finish_shufflenet(GraphBuilder& b, int x) {
  return finish_with_head(b, x,
                          {.first_conv = "conv1", .pool = "avgpool", .flatten = "flatten", .classifier = "linear"});
}

}  // namespace retort
