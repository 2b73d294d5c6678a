/// \file random.h
/// Counter-based random numbers: a stream is a pure function of the numbers that name it, so a view, an order or an
/// initial weight never depends on what was drawn before it or on which thread draws.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <utility>
#include <vector>

namespace retort {

/// splitmix64's finaliser (Steele et al. 2014): a bijection that mixes all bits.
constexpr uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

/// One stream of random numbers. Cheap to make; copy to replay.
class Rng {
 public:
  /// The numbers name the stream: a seed, a purpose, a sample id, ...
  Rng(std::initializer_list<uint64_t> name) {
    for (uint64_t part : name) key_ = mix64(key_ + kGolden + mix64(part + kGolden));
  }

  uint64_t next() { return mix64(key_ + (++counter_) * kGolden); }
  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform in [min, max).
  double uniform(double min, double max) { return min + (max - min) * uniform(); }
  /// Uniform in [0, n); n > 0.
  uint64_t below(uint64_t n) { return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }
  /// Standard normal (Box-Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  /// Fisher-Yates.
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ull;
  uint64_t key_ = 0, counter_ = 0;
};

/// What a stream is for; the second number of its name, so that no two purposes share numbers.
enum class Purpose : uint64_t { split = 1, subset, order, view, init, bootstrap, sample, view_order, mix, mix_with };

inline Rng stream(uint64_t seed, Purpose purpose, uint64_t a = 0, uint64_t b = 0) {
  return Rng({seed, static_cast<uint64_t>(purpose), a, b});
}

}  // namespace retort
