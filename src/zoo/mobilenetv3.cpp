// MobileNetV3 (Howard et al. 2019) as timm builds it.
#include "zoo/efficientnet_blocks.h"
#include "zoo/families.h"
#include "zoo/parts.h"

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
  const int64_t stem = options.width < 0.75 ? 16 : round_channels(16 * options.width);
  int x = efficient_stem(b, stem, Op::hard_swish);
  x = efficient_stages(
      b, x, stages_of(options.large),
      {.activation = Op::hard_swish, .hard_squeeze = true, .width = options.width, .depth = options.depth});
  return finish_after_pool(b, x, {.channels = options.large ? 1280 : 1024, .activation = Op::hard_swish});
}

}  // namespace retort
