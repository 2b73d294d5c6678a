/// \file activation.h
/// Activations and their derivatives on lanes of channels, for one instruction set (lanes.h says how).
#if defined(RETORT_KERNELS_ACTIVATION_H) == defined(HWY_TARGET_TOGGLE)
#ifdef RETORT_KERNELS_ACTIVATION_H
#undef RETORT_KERNELS_ACTIVATION_H
#else
#define RETORT_KERNELS_ACTIVATION_H
#endif

#include <hwy/contrib/math/math-inl.h>

#include "kernels/lanes.h"
#include "retort/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace retort::HWY_NAMESPACE {

/// Activations are pairs of functions: y of z, and dz of z and dy.
struct NoActivation {
  template <class Lanes, class V>
  static HWY_INLINE V forward(const Lanes&, const V& z) {
    return z;
  }
  template <class Lanes, class V>
  static HWY_INLINE V backward(const Lanes&, const V&, const V& dy) {
    return dy;
  }
};

/// Its derivative is the same of z and of y.
struct Relu {
  template <class Lanes, class V>
  static HWY_INLINE V forward(const Lanes& lanes, const V& z) {
    return lanes.each([](auto d, auto v) HWY_ATTR { return hn::Max(v, hn::Zero(d)); }, z);
  }
  template <class Lanes, class V>
  static HWY_INLINE V backward(const Lanes& lanes, const V& z, const V& dy) {
    return lanes.each([](auto d, auto v, auto g) HWY_ATTR { return hn::IfThenElseZero(hn::Gt(v, hn::Zero(d)), g); }, z,
                      dy);
  }
};

struct Relu6 {
  template <class Lanes, class V>
  static HWY_INLINE V forward(const Lanes& lanes, const V& z) {
    return lanes.each([](auto d, auto v) HWY_ATTR { return hn::Min(hn::Max(v, hn::Zero(d)), hn::Set(d, 6.0F)); }, z);
  }
  template <class Lanes, class V>
  static HWY_INLINE V backward(const Lanes& lanes, const V& z, const V& dy) {
    return lanes.each(
        [](auto d, auto v, auto g)
            HWY_ATTR { return hn::IfThenElseZero(hn::And(hn::Gt(v, hn::Zero(d)), hn::Lt(v, hn::Set(d, 6.0F))), g); },
        z, dy);
  }
};

struct HardSwish {
  template <class Lanes, class V>
  static HWY_INLINE V forward(const Lanes& lanes, const V& z) {
    return lanes.each(
        [](auto d, auto v) HWY_ATTR {
          const auto gate = hn::Min(hn::Max(hn::Add(v, hn::Set(d, 3.0F)), hn::Zero(d)), hn::Set(d, 6.0F));
          return hn::Mul(v, hn::Mul(gate, hn::Set(d, 1.0F / 6)));
        },
        z);
  }
  template <class Lanes, class V>
  static HWY_INLINE V backward(const Lanes& lanes, const V& z, const V& dy) {
    return lanes.each(
        [](auto d, auto v, auto g) HWY_ATTR {
          const auto slope = hn::MulAdd(v, hn::Set(d, 1.0F / 3), hn::Set(d, 0.5F));
          const auto inner = hn::IfThenElse(hn::Lt(v, hn::Set(d, 3.0F)), hn::Mul(g, slope), g);
          return hn::IfThenElseZero(hn::Gt(v, hn::Set(d, -3.0F)), inner);
        },
        z, dy);
  }
};

/// The bound keeps exp finite: below it the sigmoid is 0 in float32 for all that uses it.
template <class D>
HWY_INLINE hn::Vec<D> sigmoid(D d, hn::Vec<D> v) {
  const auto e = hn::Exp(d, hn::Neg(hn::Max(v, hn::Set(d, -87.0F))));
  return hn::Div(hn::Set(d, 1.0F), hn::Add(e, hn::Set(d, 1.0F)));
}

struct Silu {
  template <class Lanes, class V>
  static HWY_INLINE V forward(const Lanes& lanes, const V& z) {
    return lanes.each([](auto d, auto v) HWY_ATTR { return hn::Mul(v, sigmoid(d, v)); }, z);
  }
  template <class Lanes, class V>
  static HWY_INLINE V backward(const Lanes& lanes, const V& z, const V& dy) {
    return lanes.each(
        [](auto d, auto v, auto g) HWY_ATTR {
          const auto s = sigmoid(d, v);
          return hn::Mul(g, hn::MulAdd(hn::Mul(v, s), hn::Sub(hn::Set(d, 1.0F), s), s));
        },
        z, dy);
  }
};

template <class F>
void with_activation(Activation activation, const F& f) {
  switch (activation) {
    case Activation::none:
      return f(NoActivation());
    case Activation::relu:
      return f(Relu());
    case Activation::relu6:
      return f(Relu6());
    case Activation::hard_swish:
      return f(HardSwish());
    case Activation::silu:
      return f(Silu());
  }
}

}  // namespace retort::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // RETORT_KERNELS_ACTIVATION_H
