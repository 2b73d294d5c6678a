// Wide ResNets (Zagoruyko and Komodakis 2016) as mdistiller builds them.
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

int norm_relu(GraphBuilder& b, int x, const std::string& norm, const std::string& relu) {
  return b.apply(Op::relu, relu, {b.batch_norm(x, norm)});
}

int wide_block(GraphBuilder& b, int x, const std::string& name, int64_t out, int64_t stride) {
  int y = norm_relu(b, x, name + ".bn1", name + ".relu1");
  // Where the width changes, the shortcut starts after the first activation instead of before it.
  const int carried = b.channels_of(x) == out ? x : b.conv2d(y, name + ".convShortcut", same_conv(out, 1, stride));
  y = b.conv2d(y, name + ".conv1", same_conv(out, 3, stride));
  y = norm_relu(b, y, name + ".bn2", name + ".relu2");
  y = b.conv2d(y, name + ".conv2", same_conv(out, 3));
  return b.apply(Op::add, name + ".add", {y, carried});
}

}  // namespace

Graph build_wide_resnet(GraphBuilder& b, const WideResNetOptions& options) {
  const int blocks = (options.depth - 4) / 6;
  const std::array<int64_t, 3> widths{16, 32, 64};
  int x = b.conv2d(b.input(), "conv1", same_conv(widths[0], 3));
  for (size_t stage = 0; stage < widths.size(); ++stage) {
    for (int i = 0; i < blocks; ++i) {
      const std::string name = str("block", stage + 1, ".layer.", i);
      x = wide_block(b, x, name, widths[stage] * options.widen, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = norm_relu(b, x, "bn1", "relu");
  return finish_with_head(b, x, {.first_conv = "conv1", .pool = "avgpool", .flatten = "flatten", .classifier = "fc"});
}

}  // namespace retort
