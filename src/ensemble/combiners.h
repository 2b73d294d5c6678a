/// \file combiners.h
/// The makers that ensemble.def and calibration.def name, and what combiners share.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "retort/base.h"
#include "retort/ensemble.h"

namespace retort {

#define COMBINER(name, help) std::unique_ptr<Combiner> make_##name(Settings& settings);
#define CALIBRATION COMBINER
#include "ensemble/calibration.def"
#include "ensemble/ensemble.def"
#undef CALIBRATION
#undef COMBINER

/// All members of `in` where they lie.
MemberLogits view_of(const Predictions& in);

/// The members of `in`, copied when they are asked for.
LazyMembers lazy_view(const MemberLogits& in);

/// A float that is finite where `value` is a number.
inline float finite_float(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

/// Writes sum_m weights[m] * logits[m].
void mix_logits(const MemberLogits& in, std::span<const double> weights, float* out);
/// Writes log sum_m weights[m] * softmax(logits[m]).
void mix_probabilities(const MemberLogits& in, std::span<const double> weights, float* out);
/// The same of softmax(scales[m] * logits[m]).
void mix_probabilities(const MemberLogits& in, std::span<const double> weights, std::span<const double> scales,
                       float* out);

/// A combiner with one weight a member, not negative and of sum 1; uniform before a fit, or for ever where `fit` is
/// empty.
struct Mixture {
  std::string name;
  void (*mix)(const MemberLogits&, std::span<const double> weights, float* out);
  std::function<std::vector<double>(const Predictions& val, int threads)> fit;
};
std::unique_ptr<Combiner> make_mixture(Mixture mixture);

/// The array `name` of `fitted`. Throws Error where it is absent or of another rank than `rank`.
const Numbers& fitted_array(std::string_view where, const Fitted& fitted, const std::string& name, size_t rank);
/// Throws Error where `count` is not `expected`: "3 members; fitted on 2".
void check_count(std::string_view where, const char* what, int64_t count, int64_t expected);

/// Adds up what fn(begin, end, sums) adds for all of [0, count): `size` numbers. The blocks do not depend on the number
/// of threads, so neither does the result.
std::vector<double> sum_blocks(int threads, int64_t count, size_t size,
                               const std::function<void(int64_t begin, int64_t end, std::span<double> sums)>& fn);

/// log sum_c exp(z_c) of every member and sample, [M, N].
std::vector<double> log_sums(const MemberLogits& in, int threads);

/// The s in [0.01, 100] at which softmax(s * logits) of the one member has the lowest NLL.
double fit_scale(const MemberLogits& in, std::span<const int64_t> labels, int threads);

}  // namespace retort
