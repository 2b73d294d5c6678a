#include "data/mix.h"

#include <cmath>

namespace retort {

namespace {

// Marsaglia and Tsang 2000, without the scale, which cancels.
double draw_gamma(double shape, Rng& rng) {
  if (shape < 1) {
    const double power = std::pow(1 - rng.uniform(), 1 / shape);
    return draw_gamma(shape + 1, rng) * power;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = rng.normal(), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace

double draw_beta(double alpha, Rng& rng) {
  const double a = draw_gamma(alpha, rng), b = draw_gamma(alpha, rng);
  return a + b > 0 ? a / (a + b) : 0.5;  // both vanish where alpha is tiny
}

MixSettings read_mix_settings(Settings& settings, double alpha) {
  return {settings.number("alpha", alpha, 1e-3, 1e3, "of the Beta distribution of the share that stays"),
          settings.number("p", 1, 0, 1, "probability that a view is mixed")};
}

}  // namespace retort
