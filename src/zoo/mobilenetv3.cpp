// MobileNetV3 (Howard et al. 2019) as timm builds it.
#include "zoo/efficientnet_blocks.h"
#include "zoo/families.h"

namespace retort {

namespace {

const StageTexts& stages_of(bool large) {
  static const StageTexts kSmall = {{"ds_r1_k3_s2_e1_c16_se0.25_nre"},
                                    {"ir_r1_k3_s2_e4.5_c24_nre", "ir_r1_k3_s1_e3.67_c24_nre"},
                                    {"ir_r1_k5_s2_e4_c40_se0.25", "ir_r2_k5_s1_e6_c40_se0.25"},
                                    {"ir_r2_k5_s1_e3_c48_se0.25"},
                                    {"ir_r3_k5_s2_e6_c96_se0.25"},
                                    {"cn_r1_k1_s1_c576"}};
  static const StageTexts kLarge = {{"ds_r1_k3_s1_e1_c16_nre"},
                                    {"ir_r1_k3_s2_e4_c24_nre", "ir_r1_k3_s1_e3_c24_nre"},
                                    {"ir_r3_k5_s2_e3_c40_se0.25_nre"},
                                    {"ir_r1_k3_s2_e6_c80", "ir_r1_k3_s1_e2.5_c80", "ir_r2_k3_s1_e2.3_c80"},
                                    {"ir_r2_k3_s1_e6_c112_se0.25"},
                                    {"ir_r3_k5_s2_e6_c160_se0.25"},
                                    {"cn_r1_k1_s1_c960"}};
  return large ? kLarge : kSmall;
}

}  // namespace

Graph build_mobilenetv3(GraphBuilder& b, const MobileNetV3Options& options) {
  const int64_t stem = options.width < 0.75 ? 16 : round_channels(16, options.width);
  int x = b.conv2d(b.input(), "conv_stem", efficient_conv(stem, 3, 2));
  x = norm_activate(b, x, "bn1", Op::hard_swish);
  x = efficient_stages(b, x, stages_of(options.large),
                       {.activation = Op::hard_swish, .hard_squeeze = true, .width = options.width});
  // The head's convolution comes after the pool, where it is cheap.
  x = b.apply(Op::global_avg_pool, "global_pool", {x});
  GraphBuilder::Conv head = efficient_conv(options.large ? 1280 : 1024, 1);
  head.bias = true;
  x = b.apply(Op::hard_swish, "act2", {b.conv2d(x, "conv_head", head)});
  b.linear(b.apply(Op::flatten, "flatten", {x}), "classifier", b.classes(), Init::linear_uniform);
  return b.finish("conv_stem", "classifier");
}

}  // namespace retort
