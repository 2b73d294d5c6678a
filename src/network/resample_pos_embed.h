/// \file resample_pos_embed.h
/// Position embeddings of a transformer that is to run at another size of images.
#pragma once

#include <ATen/core/Tensor.h>

namespace retort {

/// pos_embed [1, prefix_tokens + h * w, D], whose grid is square -> [1, prefix_tokens + new_grid_h * new_grid_w, D] as
/// timm's resample_abs_pos_embed: bicubic with antialias, in float32, then back in the type that came. The first
/// `prefix_tokens` (class tokens) stay as they are. Throws Error on other shapes.
at::Tensor resample_pos_embed(const at::Tensor& pos_embed, int64_t new_grid_h, int64_t new_grid_w,
                              int64_t prefix_tokens);

}  // namespace retort
