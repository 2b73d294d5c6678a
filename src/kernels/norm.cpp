// Batch norm with an activation and a residual, rows of channels at a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again for each instruction set
// clang-format off: after foreach_target.h
#include "kernels/activation.h"
#include "kernels/lanes.h"
// clang-format on

#include <algorithm>

#include "retort/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace retort::HWY_NAMESPACE {

// Rows whose float32 sums are added up before they go into double.
constexpr int64_t kBlockRows = 64;

template <class Lanes>
HWY_INLINE void add_to(const Lanes& lanes, const typename Lanes::V& sum, double* to) {
  HWY_ALIGN float values[4 * HWY_MAX_BYTES / sizeof(float)];
  lanes.store(sum, values);
  for (int64_t i = 0; i < lanes.lanes(); ++i) to[i] += static_cast<double>(values[i]);
}

// Fills sums [2, channels] with what `term(lanes, row, c)` gives: pairs of values for each row and channel.
template <class F>
HWY_INLINE void sum_rows(int64_t channels, Part part, double* sums, const F& term) {
  std::fill(sums, sums + 2 * channels, 0.0);
  for (int64_t begin = part.begin; begin < part.end; begin += kBlockRows) {
    const int64_t end = std::min(part.end, begin + kBlockRows);
    for_channels(channels, [&](auto lanes, int64_t c) HWY_ATTR {
      auto first = lanes.zero(), second = lanes.zero();
      term(lanes, Part{begin, end}, c, first, second);
      add_to(lanes, first, sums + c);
      add_to(lanes, second, sums + channels + c);
    });
  }
}

void sums_of(int64_t channels, Part part, const float* x, const float* shift, double* sums) {
  sum_rows(channels, part, sums, [&](auto lanes, Part rows, int64_t c, auto& first, auto& second) HWY_ATTR {
    const auto by = lanes.load(shift + c);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const auto v = sub(lanes, lanes.load(x + row * channels + c), by);
      first = add(lanes, first, v);
      second = mul_add(lanes, v, v, second);
    }
  });
}

// dz of one row: dy by the derivative at z, which is known from y where that is given.
template <class A, class Lanes, class V>
HWY_INLINE V gradient_before(const Lanes& lanes, const V& x, const float* y, const V& dy, const V& scale,
                             const V& offset) {
  if (y != nullptr) return A::backward(lanes, lanes.load(y), dy);
  return A::backward(lanes, mul_add(lanes, x, scale, offset), dy);
}

template <class A>
void forward_rows(const NormRows& norm, Part part, const float* x, const float* residual, float* y) {
  const int64_t channels = norm.channels;
  for (int64_t row = part.begin; row < part.end; ++row) {
    const int64_t at = row * channels;
    for_channels(channels, [&](auto lanes, int64_t c) HWY_ATTR {
      auto z = mul_add(lanes, lanes.load(x + at + c), lanes.load(norm.scale + c), lanes.load(norm.offset + c));
      if (residual != nullptr) z = add(lanes, z, lanes.load(residual + at + c));
      lanes.store(A::forward(lanes, z), y + at + c);
    });
  }
}

template <class A>
void backward_sums_of(const NormRows& norm, Part part, const float* x, const float* y, const float* dy,
                      const float* mean, double* sums, float* dz_to) {
  const int64_t channels = norm.channels;
  sum_rows(channels, part, sums, [&](auto lanes, Part rows, int64_t c, auto& first, auto& second) HWY_ATTR {
    const auto scale = lanes.load(norm.scale + c), offset = lanes.load(norm.offset + c), center = lanes.load(mean + c);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const int64_t at = row * channels + c;
      const auto from = lanes.load(x + at);
      const float* out = y == nullptr ? nullptr : y + at;
      const auto dz = gradient_before<A>(lanes, from, out, lanes.load(dy + at), scale, offset);
      if (dz_to != nullptr) lanes.store(dz, dz_to + at);
      first = add(lanes, first, dz);
      second = mul_add(lanes, dz, sub(lanes, from, center), second);
    }
  });
}

template <class A>
void backward_rows(const NormRows& norm, const NormGradient& gradient, Part part, const float* x, const float* y,
                   const float* dy, float* dx) {
  const int64_t channels = norm.channels;
  for (int64_t row = part.begin; row < part.end; ++row) {
    for_channels(channels, [&](auto lanes, int64_t c) HWY_ATTR {
      const int64_t at = row * channels + c;
      const auto from = lanes.load(x + at), scale = lanes.load(norm.scale + c);
      const float* out = y == nullptr ? nullptr : y + at;
      const auto dz = gradient_before<A>(lanes, from, out, lanes.load(dy + at), scale, lanes.load(norm.offset + c));
      const auto centered = sub(lanes, from, lanes.load(gradient.mean + c));
      const auto rest = mul_add(lanes, centered, lanes.load(gradient.by_x + c), lanes.load(gradient.constant + c));
      lanes.store(mul_add(lanes, dz, scale, rest), dx + at);
    });
  }
}

void forward(const NormRows& norm, Part part, const float* x, const float* residual, float* y) {
  with_activation(norm.activation, [&](auto a) { forward_rows<decltype(a)>(norm, part, x, residual, y); });
}

void backward_sums(const NormRows& norm, Part part, const float* x, const float* y, const float* dy, const float* mean,
                   double* sums, float* dz_to) {
  with_activation(norm.activation,
                  [&](auto a) { backward_sums_of<decltype(a)>(norm, part, x, y, dy, mean, sums, dz_to); });
}

void backward(const NormRows& norm, const NormGradient& gradient, Part part, const float* x, const float* y,
              const float* dy, float* dx) {
  with_activation(norm.activation, [&](auto a) { backward_rows<decltype(a)>(norm, gradient, part, x, y, dy, dx); });
}

}  // namespace retort::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace retort {

HWY_EXPORT(sums_of);
HWY_EXPORT(forward);
HWY_EXPORT(backward_sums);
HWY_EXPORT(backward);

void norm_sums(int64_t channels, Part part, const float* x, const float* shift, double* sums) {
  HWY_DYNAMIC_DISPATCH(sums_of)(channels, part, x, shift, sums);
}

void norm_forward(const NormRows& norm, Part part, const float* x, const float* residual, float* y) {
  HWY_DYNAMIC_DISPATCH(forward)(norm, part, x, residual, y);
}

void norm_backward_sums(const NormRows& norm, Part part, const float* x, const float* y, const float* dy,
                        const float* mean, double* sums, float* dz_to) {
  HWY_DYNAMIC_DISPATCH(backward_sums)(norm, part, x, y, dy, mean, sums, dz_to);
}

void norm_backward(const NormRows& norm, const NormGradient& gradient, Part part, const float* x, const float* y,
                   const float* dy, float* dx) {
  HWY_DYNAMIC_DISPATCH(backward)(norm, gradient, part, x, y, dy, dx);
}

}  // namespace retort
#endif  // HWY_ONCE
