#include "network/adapt_input_conv.h"

namespace retort {

bool can_adapt_input_conv(int64_t from, int64_t to) { return to == 1 ? from <= 3 : from == 3; }

at::Tensor adapt_input_conv(const at::Tensor& weight, int64_t channels) {
  if (channels == 1) return weight.sum(1, /*keepdim=*/true);
  const at::Tensor repeated = weight.repeat({1, (channels + 2) / 3, 1, 1}).slice(1, 0, channels);
  return repeated.mul(3 / static_cast<double>(channels));
}

}  // namespace retort
