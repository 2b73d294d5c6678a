/// \file augment.h
/// One random change of an image, and its maker's type. A new step is a file with its maker, and a line in augment.def.
#pragma once

#include <memory>

#include "base/random.h"
#include "retort/data.h"

namespace retort {

class Augment::Step {
 public:
  virtual ~Step() = default;
  /// Writes the changed image. `pixels` and `out` are [H, W, C] and do not overlap. All chance comes from `rng`.
  virtual void apply(const uint8_t* pixels, ImageShape shape, Rng& rng, uint8_t* out) const = 0;
};

using AugmentStep = std::shared_ptr<const Augment::Step>;

#define RETORT_AUGMENT(name, help) AugmentStep name##_step(Settings& settings);
#include "data/augment.def"
#undef RETORT_AUGMENT

}  // namespace retort
