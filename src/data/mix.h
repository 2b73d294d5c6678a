/// \file mix.h
/// What steps that mix a view with a view of another sample share.
#pragma once

#include "data/augment.h"

namespace retort {

/// From Beta(alpha, alpha).
double draw_beta(double alpha, Rng& rng);

/// The settings `alpha` and `p` of a mixing step.
struct MixSettings {
  double alpha, p;
};
MixSettings read_mix_settings(Settings& settings, double alpha);

}  // namespace retort
