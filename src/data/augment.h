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
  /// Changes the image; `preprocess` says what it is going to be. All chance comes from `rng`, and how much of it is
  /// drawn must not depend on `preprocess`.
  virtual void apply(Image& image, const Preprocess& preprocess, Rng& rng) const = 0;
  /// As the first step of a chain: begins with the picture. Steps that need only a part of it read no more.
  virtual void begin(const Picture& picture, const Preprocess& preprocess, Rng& rng, Image& out) const {
    picture.read(picture.whole(), out);
    apply(out, preprocess, rng);
  }
  /// Whether it mixes normalised views of two samples, which apply() cannot.
  virtual bool mixes() const { return false; }
  /// Mixes `other` into `image`, both [H, W, C]; returns the share of the labels that stays `image`'s.
  virtual double mix(std::span<float> /*image*/, std::span<const float> /*other*/, const ImageShape&, Rng&) const {
    return 1;
  }
  /// Whether it gives images of preprocess.size: then nothing is left to fit (random resized crops).
  virtual bool fits() const { return false; }
};

using AugmentStep = std::shared_ptr<const Augment::Step>;

/// The step that makes `change` with probability `p`.
AugmentStep sometimes(double p, void (*change)(Image&));

#define RETORT_AUGMENT(name, help) AugmentStep name##_step(Settings& settings);
#include "data/augment.def"
#undef RETORT_AUGMENT

}  // namespace retort
