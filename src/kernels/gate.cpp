// Means over the pixels of maps, and their products with a gate for each channel.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gate.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again for each instruction set
// clang-format off: after foreach_target.h
#include "kernels/lanes.h"
// clang-format on

#include "retort/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace retort::HWY_NAMESPACE {

void pool(const GateMaps& maps, Part part, const float* x, float* mean) {
  for (int64_t n = part.begin; n < part.end; ++n) {
    for_channels(maps.channels, [&](auto lanes, int64_t c) HWY_ATTR {
      auto sum = lanes.zero();
      const float* from = x + n * maps.pixels * maps.channels + c;
      for (int64_t p = 0; p < maps.pixels; ++p, from += maps.channels) sum = add(lanes, sum, lanes.load(from));
      lanes.store(mul(lanes, sum, lanes.set(1.0F / static_cast<float>(maps.pixels))), mean + n * maps.channels + c);
    });
  }
}

void forward(const GateMaps& maps, Part part, const float* x, const float* gate, float* y) {
  for (int64_t n = part.begin; n < part.end; ++n) {
    for (int64_t p = 0; p < maps.pixels; ++p) {
      const int64_t at = (n * maps.pixels + p) * maps.channels;
      for_channels(maps.channels, [&](auto lanes, int64_t c) HWY_ATTR {
        lanes.store(mul(lanes, lanes.load(x + at + c), lanes.load(gate + n * maps.channels + c)), y + at + c);
      });
    }
  }
}

void backward_sums(const GateMaps& maps, Part part, const float* x, const float* dy, float* dgate) {
  for (int64_t n = part.begin; n < part.end; ++n) {
    for_channels(maps.channels, [&](auto lanes, int64_t c) HWY_ATTR {
      auto sum = lanes.zero();
      int64_t at = n * maps.pixels * maps.channels + c;
      for (int64_t p = 0; p < maps.pixels; ++p, at += maps.channels) {
        sum = mul_add(lanes, lanes.load(x + at), lanes.load(dy + at), sum);
      }
      lanes.store(sum, dgate + n * maps.channels + c);
    });
  }
}

void backward(const GateMaps& maps, Part part, const float* dy, const float* gate, const float* dmean, float* dx) {
  const float share = 1.0F / static_cast<float>(maps.pixels);
  for (int64_t n = part.begin; n < part.end; ++n) {
    for (int64_t p = 0; p < maps.pixels; ++p) {
      const int64_t at = (n * maps.pixels + p) * maps.channels;
      for_channels(maps.channels, [&](auto lanes, int64_t c) HWY_ATTR {
        const int64_t image = n * maps.channels + c;
        const auto rest = mul(lanes, lanes.load(dmean + image), lanes.set(share));
        lanes.store(mul_add(lanes, lanes.load(dy + at + c), lanes.load(gate + image), rest), dx + at + c);
      });
    }
  }
}

}  // namespace retort::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace retort {

HWY_EXPORT(pool);
HWY_EXPORT(forward);
HWY_EXPORT(backward_sums);
HWY_EXPORT(backward);

void gate_pool(const GateMaps& maps, Part part, const float* x, float* mean) {
  HWY_DYNAMIC_DISPATCH(pool)(maps, part, x, mean);
}

void gate_forward(const GateMaps& maps, Part part, const float* x, const float* gate, float* y) {
  HWY_DYNAMIC_DISPATCH(forward)(maps, part, x, gate, y);
}

void gate_backward_sums(const GateMaps& maps, Part part, const float* x, const float* dy, float* dgate) {
  HWY_DYNAMIC_DISPATCH(backward_sums)(maps, part, x, dy, dgate);
}

void gate_backward(const GateMaps& maps, Part part, const float* dy, const float* gate, const float* dmean, float* dx) {
  HWY_DYNAMIC_DISPATCH(backward)(maps, part, dy, gate, dmean, dx);
}

}  // namespace retort
#endif  // HWY_ONCE
