/// \file lanes.h
/// Loops over channels, for one instruction set: included once for each by Highway's foreach_target.h, which is why its
/// guard is a toggle.
#if defined(RETORT_KERNELS_LANES_H) == defined(HWY_TARGET_TOGGLE)
#ifdef RETORT_KERNELS_LANES_H
#undef RETORT_KERNELS_LANES_H
#else
#define RETORT_KERNELS_LANES_H
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace retort::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Some lanes of channels, and the operations on them that the kernels need: one vector.
template <class D>
struct One {
  using V = hn::Vec<D>;
  D d;
  int64_t lanes() const { return static_cast<int64_t>(hn::Lanes(d)); }
  HWY_INLINE V zero() const { return hn::Zero(d); }
  HWY_INLINE V set(float value) const { return hn::Set(d, value); }
  HWY_INLINE V load(const float* p) const { return hn::LoadU(d, p); }
  HWY_INLINE void store(V v, float* p) const { hn::StoreU(v, d, p); }
  /// f of the vectors of several values.
  template <class F, class... Vs>
  HWY_INLINE V each(const F& f, const Vs&... v) const {
    return f(d, v...);
  }
};

/// Four vectors at once: enough independent sums to hide the latency of a multiply-add.
template <class D>
struct Four {
  struct V {
    hn::Vec<D> a, b, c, e;
  };
  D d;
  int64_t lanes() const { return 4 * step(); }
  HWY_INLINE V zero() const { return set(0); }
  HWY_INLINE V set(float value) const {
    const auto v = hn::Set(d, value);
    return {v, v, v, v};
  }
  HWY_INLINE V load(const float* p) const {
    return {hn::LoadU(d, p), hn::LoadU(d, p + step()), hn::LoadU(d, p + 2 * step()), hn::LoadU(d, p + 3 * step())};
  }
  HWY_INLINE void store(const V& v, float* p) const {
    hn::StoreU(v.a, d, p);
    hn::StoreU(v.b, d, p + step());
    hn::StoreU(v.c, d, p + 2 * step());
    hn::StoreU(v.e, d, p + 3 * step());
  }
  template <class F, class... Vs>
  HWY_INLINE V each(const F& f, const Vs&... v) const {
    return {f(d, v.a...), f(d, v.b...), f(d, v.c...), f(d, v.e...)};
  }

 private:
  int64_t step() const { return static_cast<int64_t>(hn::Lanes(d)); }
};

/// a * b + c.
template <class Lanes, class V>
HWY_INLINE V mul_add(const Lanes& lanes, const V& a, const V& b, const V& c) {
  return lanes.each([](auto, auto x, auto y, auto z) HWY_ATTR { return hn::MulAdd(x, y, z); }, a, b, c);
}
template <class Lanes, class V>
HWY_INLINE V add(const Lanes& lanes, const V& a, const V& b) {
  return lanes.each([](auto, auto x, auto y) HWY_ATTR { return hn::Add(x, y); }, a, b);
}
template <class Lanes, class V>
HWY_INLINE V sub(const Lanes& lanes, const V& a, const V& b) {
  return lanes.each([](auto, auto x, auto y) HWY_ATTR { return hn::Sub(x, y); }, a, b);
}
template <class Lanes, class V>
HWY_INLINE V mul(const Lanes& lanes, const V& a, const V& b) {
  return lanes.each([](auto, auto x, auto y) HWY_ATTR { return hn::Mul(x, y); }, a, b);
}

/// Calls f(lanes, first) until all channels had their turn: by four vectors, by one, and by parts of one. Nothing
/// beyond them is read.
template <class F>
HWY_INLINE void for_channels(int64_t channels, const F& f) {
  int64_t c = 0;
  const auto run = [&](auto lanes) HWY_ATTR {
    for (; c + lanes.lanes() <= channels; c += lanes.lanes()) f(lanes, c);
  };
  run(Four<hn::ScalableTag<float>>());
  run(One<hn::ScalableTag<float>>());
  run(One<hn::CappedTag<float, 8>>());
  run(One<hn::CappedTag<float, 4>>());
  run(One<hn::CappedTag<float, 1>>());
}

}  // namespace retort::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // RETORT_KERNELS_LANES_H
