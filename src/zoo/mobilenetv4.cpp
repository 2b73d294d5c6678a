// MobileNetV4 (Qin et al. 2024), the convolutional ones, as timm builds them.
#include "zoo/efficientnet_blocks.h"
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

namespace {

const StageTexts& stages_of(MobileNetV4Size size) {
  static const StageTexts kSmall = {{"cn_r1_k3_s2_c32", "cn_r1_k1_s1_c32"},
                                    {"cn_r1_k3_s2_c96", "cn_r1_k1_s1_c64"},
                                    {"uir_r1_a5_k5_s2_e3_c96", "uir_r4_a0_k3_s1_e2_c96", "uir_r1_a3_k0_s1_e4_c96"},
                                    {"uir_r1_a3_k3_s2_e6_c128", "uir_r1_a5_k5_s1_e4_c128", "uir_r1_a0_k5_s1_e4_c128",
                                     "uir_r1_a0_k5_s1_e3_c128", "uir_r2_a0_k3_s1_e4_c128"},
                                    {"cn_r1_k1_s1_c960"}};
  static const StageTexts kMedium = {
      {"er_r1_k3_s2_e4_c48"},
      {"uir_r1_a3_k5_s2_e4_c80", "uir_r1_a3_k3_s1_e2_c80"},
      {"uir_r1_a3_k5_s2_e6_c160", "uir_r2_a3_k3_s1_e4_c160", "uir_r1_a3_k5_s1_e4_c160", "uir_r1_a3_k3_s1_e4_c160",
       "uir_r1_a3_k0_s1_e4_c160", "uir_r1_a0_k0_s1_e2_c160", "uir_r1_a3_k0_s1_e4_c160"},
      {"uir_r1_a5_k5_s2_e6_c256", "uir_r1_a5_k5_s1_e4_c256", "uir_r2_a3_k5_s1_e4_c256", "uir_r1_a0_k0_s1_e4_c256",
       "uir_r1_a3_k0_s1_e4_c256", "uir_r1_a3_k5_s1_e2_c256", "uir_r1_a5_k5_s1_e4_c256", "uir_r2_a0_k0_s1_e4_c256",
       "uir_r1_a5_k0_s1_e2_c256"},
      {"cn_r1_k1_s1_c960"}};
  static const StageTexts kLarge = {
      {"er_r1_k3_s2_e4_c48"},
      {"uir_r1_a3_k5_s2_e4_c96", "uir_r1_a3_k3_s1_e4_c96"},
      {"uir_r1_a3_k5_s2_e4_c192", "uir_r3_a3_k3_s1_e4_c192", "uir_r1_a3_k5_s1_e4_c192", "uir_r5_a5_k3_s1_e4_c192",
       "uir_r1_a3_k0_s1_e4_c192"},
      {"uir_r4_a5_k5_s2_e4_c512", "uir_r1_a5_k0_s1_e4_c512", "uir_r1_a5_k3_s1_e4_c512", "uir_r2_a5_k0_s1_e4_c512",
       "uir_r1_a5_k3_s1_e4_c512", "uir_r1_a5_k5_s1_e4_c512", "uir_r3_a5_k0_s1_e4_c512"},
      {"cn_r1_k1_s1_c960"}};
  return size == MobileNetV4Size::small ? kSmall : size == MobileNetV4Size::medium ? kMedium : kLarge;
}

}  // namespace

Graph build_mobilenetv4(GraphBuilder& b, const MobileNetV4Options& options) {
  int x = efficient_stem(b, options.size == MobileNetV4Size::large ? 24 : 32, Op::relu);
  x = efficient_stages(b, x, stages_of(options.size), {.activation = Op::relu, .width = options.width});
  return finish_after_pool(b, x, {.activation = Op::relu, .norm = true});
}

}  // namespace retort
