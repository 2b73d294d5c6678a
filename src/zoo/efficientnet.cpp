// EfficientNet (Tan and Le 2019) as timm builds it.
#include "zoo/efficientnet_blocks.h"
#include "zoo/families.h"
#include "zoo/parts.h"

namespace retort {

Graph build_efficientnet(GraphBuilder& b, const EfficientNetOptions& options) {
  static const StageTexts kStages = {
      {"ds_r1_k3_s1_e1_c16_se0.25"},  {"ir_r2_k3_s2_e6_c24_se0.25"},  {"ir_r2_k5_s2_e6_c40_se0.25"},
      {"ir_r3_k3_s2_e6_c80_se0.25"},  {"ir_r3_k5_s1_e6_c112_se0.25"}, {"ir_r4_k5_s2_e6_c192_se0.25"},
      {"ir_r1_k3_s1_e6_c320_se0.25"},
  };
  int x = b.conv2d(b.input(), "conv_stem", efficient_conv(32, 3, 2));
  x = norm_activate(b, x, "bn1", Op::silu);
  x = efficient_stages(b, x, kStages, {.depth = options.depth});
  x = norm_activate(b, b.conv2d(x, "conv_head", efficient_conv(1280, 1)), "bn2", Op::silu);
  return finish_with_head(b, x,
                          {.first_conv = "conv_stem",
                           .pool = "global_pool.pool",
                           .flatten = "global_pool.flatten",
                           .classifier = "classifier",
                           .init = Init::linear_uniform});
}

}  // namespace retort
