// What an optimiser does to parameters: passes over numbers in the order of memory.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/descent.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again for each instruction set
// clang-format off: after foreach_target.h
#include "kernels/lanes.h"
// clang-format on

#include <algorithm>
#include <cmath>

#include "retort/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace retort::HWY_NAMESPACE {

void sgd(const SgdStep& step, int64_t n, const float* g, float* m, float* w) {
  for_channels(n, [&](auto lanes, int64_t i) HWY_ATTR {
    const auto weight = lanes.load(w + i), momentum = lanes.set(step.momentum);
    const auto decay = mul(lanes, lanes.set(step.weight_decay), weight);
    const auto gradient = mul_add(lanes, lanes.set(step.gradient_scale), lanes.load(g + i), decay);
    auto move = gradient;
    if (m) {
      move = mul_add(lanes, momentum, lanes.load(m + i), gradient);
      lanes.store(move, m + i);
      if (step.nesterov) move = mul_add(lanes, momentum, move, gradient);
    }
    lanes.store(mul_add(lanes, lanes.set(-step.lr), move, weight), w + i);
  });
}

void adamw(const AdamwStep& step, int64_t n, const float* g, float* m, float* v, float* w) {
  const float by_mean = -step.lr / step.mean_correction, by_root = 1 / std::sqrt(step.square_correction);
  for_channels(n, [&](auto lanes, int64_t i) HWY_ATTR {
    const auto gradient = mul(lanes, lanes.set(step.gradient_scale), lanes.load(g + i));
    const auto old_mean = lanes.load(m + i), old_square = lanes.load(v + i);
    const auto mean = mul_add(lanes, lanes.set(step.mean_rate), sub(lanes, gradient, old_mean), old_mean);
    const auto change = sub(lanes, mul(lanes, gradient, gradient), old_square);
    const auto square = mul_add(lanes, lanes.set(step.square_rate), change, old_square);
    lanes.store(mean, m + i);
    lanes.store(square, v + i);
    const auto root = lanes.each([](auto, auto x) HWY_ATTR { return hn::Sqrt(x); }, square);
    const auto deviation = mul_add(lanes, root, lanes.set(by_root), lanes.set(step.eps));
    const auto move = lanes.each([](auto, auto x, auto y) HWY_ATTR { return hn::Div(x, y); }, mean, deviation);
    const auto weight = mul(lanes, lanes.load(w + i), lanes.set(1 - step.lr * step.weight_decay));
    lanes.store(mul_add(lanes, lanes.set(by_mean), move, weight), w + i);
  });
}

void average(int64_t n, float rate, const float* x, float* to) {
  for_channels(n, [&](auto lanes, int64_t i) HWY_ATTR {
    const auto old = lanes.load(to + i);
    lanes.store(mul_add(lanes, lanes.set(rate), sub(lanes, lanes.load(x + i), old), old), to + i);
  });
}

// In float32 within pieces that are short enough to lose nothing, and in double over them.
double squares(int64_t n, const float* x) {
  constexpr int64_t kPiece = 4096;
  const Four<hn::ScalableTag<float>> lanes;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kPiece) {
    const int64_t end = std::min(n, begin + kPiece);
    int64_t i = begin;
    auto sum = lanes.zero();
    for (; i + lanes.lanes() <= end; i += lanes.lanes()) {
      const auto v = lanes.load(x + i);
      sum = mul_add(lanes, v, v, sum);
    }
    const auto all = hn::Add(hn::Add(sum.a, sum.b), hn::Add(sum.c, sum.e));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(lanes.d, all)));
    for (; i < end; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return total;
}

}  // namespace retort::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace retort {

HWY_EXPORT(sgd);
HWY_EXPORT(adamw);
HWY_EXPORT(average);
HWY_EXPORT(squares);

void sgd_step(const SgdStep& step, int64_t n, const float* g, float* m, float* w) {
  HWY_DYNAMIC_DISPATCH(sgd)(step, n, g, m, w);
}

void adamw_step(const AdamwStep& step, int64_t n, const float* g, float* m, float* v, float* w) {
  HWY_DYNAMIC_DISPATCH(adamw)(step, n, g, m, v, w);
}

void move_average(int64_t n, float rate, const float* x, float* average) {
  HWY_DYNAMIC_DISPATCH(average)(n, rate, x, average);
}

double sum_of_squares(int64_t n, const float* x) { return HWY_DYNAMIC_DISPATCH(squares)(n, x); }

}  // namespace retort
#endif  // HWY_ONCE
