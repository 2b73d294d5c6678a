#include "network/resample_pos_embed.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>

#include <cmath>

#include "retort/base.h"

namespace retort {

at::Tensor resample_pos_embed(const at::Tensor& pos_embed, int64_t new_grid_h, int64_t new_grid_w,
                              int64_t prefix_tokens) {
  constexpr const char* kWhere = "pos_embed";
  if (new_grid_h < 1 || new_grid_w < 1) {
    fail(kWhere, "the new grid is ", new_grid_h, " x ", new_grid_w, "; expected at least 1 x 1; use larger images");
  }
  const bool tokens = pos_embed.dim() == 3 && pos_embed.size(0) == 1;
  const int64_t positions = tokens ? pos_embed.size(1) - prefix_tokens : 0;
  const auto side = positions < 1 ? 0 : std::llround(std::sqrt(static_cast<double>(positions)));
  if (prefix_tokens < 0 || side < 1 || side * side != positions || pos_embed.size(2) < 1) {
    fail(kWhere, "is ", pos_embed.sizes(), "; expected [1, ", prefix_tokens, " + side * side, features]; ",
         "take weights of a model with a square grid");
  }
  if (new_grid_h == side && new_grid_w == side) return pos_embed;
  const at::Tensor grid =
      pos_embed.slice(1, prefix_tokens).to(at::kFloat).reshape({1, side, side, -1}).permute({0, 3, 1, 2});
  const at::Tensor resampled = at::_upsample_bicubic2d_aa(grid, {new_grid_h, new_grid_w}, /*align_corners=*/false);
  const at::Tensor rows = resampled.permute({0, 2, 3, 1}).reshape({1, new_grid_h * new_grid_w, -1});
  return at::cat({pos_embed.slice(1, 0, prefix_tokens), rows.to(pos_embed.scalar_type())}, 1);
}

}  // namespace retort
