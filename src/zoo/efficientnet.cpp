// EfficientNet (Tan and Le 2019) and EfficientNet-Lite as timm builds them.
#include "zoo/efficientnet_blocks.h"
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

const StageTexts& stages_of(bool lite) {
  static const StageTexts kStages = {
      {"ds_r1_k3_s1_e1_c16_se0.25"},  {"ir_r2_k3_s2_e6_c24_se0.25"},  {"ir_r2_k5_s2_e6_c40_se0.25"},
      {"ir_r3_k3_s2_e6_c80_se0.25"},  {"ir_r3_k5_s1_e6_c112_se0.25"}, {"ir_r4_k5_s2_e6_c192_se0.25"},
      {"ir_r1_k3_s1_e6_c320_se0.25"},
  };
  static const StageTexts kLiteStages = {
      {"ds_r1_k3_s1_e1_c16"},  {"ir_r2_k3_s2_e6_c24"},  {"ir_r2_k5_s2_e6_c40"},  {"ir_r3_k3_s2_e6_c80"},
      {"ir_r3_k5_s1_e6_c112"}, {"ir_r4_k5_s2_e6_c192"}, {"ir_r1_k3_s1_e6_c320"},
  };
  return lite ? kLiteStages : kStages;
}

}  // namespace

Graph build_efficientnet(GraphBuilder& b, const EfficientNetOptions& options) {
  const Op activation = options.lite ? Op::relu6 : Op::silu;
  const auto at_end = [&](int64_t channels) {
    return options.lite ? channels : round_channels(static_cast<double>(channels) * options.width);
  };
  int x = efficient_stem(b, at_end(32), activation);
  x = efficient_stages(
      b, x, stages_of(options.lite),
      {.activation = activation, .width = options.width, .depth = options.depth, .fixed_ends = options.lite});
  x = norm_activate(b, b.conv2d(x, "conv_head", efficient_conv(at_end(1280), 1)), "bn2", activation);
  return finish_with_head(b, x,
                          {.first_conv = "conv_stem",
                           .pool = "global_pool.pool",
                           .flatten = "global_pool.flatten",
                           .classifier = "classifier",
                           .init = Init::linear_uniform});
}

}  // namespace retort
