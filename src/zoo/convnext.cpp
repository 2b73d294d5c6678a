// ConvNeXt (Liu et al. 2022) as timm builds it.
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

/// A convolution with bias, with this family's initial weights.
int conv(GraphBuilder& b, int x, const std::string& name, GraphBuilder::Conv settings) {
  settings.bias = true;
  settings.init = Init::trunc_normal;
  return b.conv2d(x, name, settings);
}

/// Patches side by side, which are as wide as they are apart.
int patches(GraphBuilder& b, int x, const std::string& name, int64_t out, int64_t size) {
  return conv(b, x, name, {.out = out, .kernel = size, .stride = size});
}

int block(GraphBuilder& b, int x, const std::string& name, bool conv_mlp) {
  const int64_t channels = b.channels_of(x);
  const auto pointwise = [&](int in, const std::string& layer, int64_t out) {
    return conv_mlp ? conv(b, in, layer, same_conv(out, 1)) : b.linear(in, layer, out, Init::trunc_normal);
  };
  GraphBuilder::Conv depthwise = same_conv(channels, 7);
  depthwise.groups = channels;
  int y = b.layer_norm(conv(b, x, name + ".conv_dw", depthwise), name + ".norm");
  y = b.apply(Op::gelu, name + ".mlp.act", {pointwise(y, name + ".mlp.fc1", 4 * channels)});
  y = b.scale(pointwise(y, name + ".mlp.fc2", channels), name + ".gamma");
  return b.apply(Op::add, name + ".add", {y, x});
}

}  // namespace

Graph build_convnext(GraphBuilder& b, const ConvNextOptions& options) {
  int x = b.layer_norm(patches(b, b.input(), "stem.0", options.dims[0], 4), "stem.1");
  for (size_t stage = 0; stage < options.dims.size(); ++stage) {
    const std::string name = str("stages.", stage);
    if (stage > 0) {
      x = b.layer_norm(x, name + ".downsample.0");
      x = patches(b, x, name + ".downsample.1", options.dims[stage], 2);
    }
    for (int i = 0; i < options.depths[stage]; ++i) x = block(b, x, str(name, ".blocks.", i), options.conv_mlp);
  }
  x = b.layer_norm(b.apply(Op::global_avg_pool, "head.global_pool", {x}), "head.norm");
  b.linear(b.apply(Op::flatten, "head.flatten", {x}), "head.fc", b.classes(), Init::trunc_normal);
  return b.finish("stem.0", "head.fc");
}

}  // namespace retort
