/// \file linear.h
/// Linear heads on log-probabilities, which several combiners and calibrations are:
/// logit_c = b_c + sum_m w_mc (log p_mc - u_m), or with a matrix b_c + sum_mk w_mkc (log p_mk - u_m), where u_m is the
/// mean of the member's log-probabilities on val. On disk u is part of b.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ensemble/combiners.h"

namespace retort {

/// No log-probability counts as lower: what is beyond says nothing, but would rule the fit.
inline constexpr double kLowestLogProbability = -30;

/// What a head has beside one weight a member and class.
struct LinearForm {
  std::string name;
  bool bias = false;      ///< b, one number a class; else 0
  bool cross = false;     ///< a matrix: each class sees the members' log-probabilities of all classes
  bool fallback = false;  ///< where the matrix would be too large to fit, do without
};

/// A combiner of this form, with the settings `l2` and `folds`. It starts as the mean of the members' log-probabilities
/// and an L2 term pulls it there.
std::unique_ptr<Combiner> make_linear(const LinearForm& form, Settings& settings);

/// Where each of a head's numbers lies: weights [M, C] or [M, C, C], then the biases [C].
struct LinearLayout {
  int64_t members = 0, classes = 0;
  bool cross = false;

  size_t features() const { return static_cast<size_t>(members * classes); }
  size_t weights() const { return cross ? features() * static_cast<size_t>(classes) : features(); }
  size_t size() const { return weights() + static_cast<size_t>(classes); }
  /// The weight of a class's log-probability by one member on its own logit; feature = m * C + c.
  size_t own(size_t feature) const {
    return cross ? feature * static_cast<size_t>(classes) + feature % static_cast<size_t>(classes) : feature;
  }
};

/// A head: its numbers, and where they lie.
struct LinearHead {
  LinearLayout layout;
  std::vector<double> theta;
};
/// The head before any fit: the mean of the members' log-probabilities.
LinearHead mean_head(const LinearLayout& layout);
/// `l2` 0 is chosen by cross-validation over `folds`.
LinearHead fit_linear(const LinearForm& form, double l2, int64_t folds, const Predictions& val, int threads);

/// A few samples at a time, so that a matrix is read once for all of them.
class LinearRows {
 public:
  static constexpr size_t kRows = 32;
  explicit LinearRows(const LinearLayout& layout);

  /// Takes the log-probabilities of these samples, at most kRows, given log_sums(in), and centres [M] that are
  /// subtracted.
  void load(const MemberLogits& in, std::span<const double> log_sums, std::span<const double> centres,
            std::span<const int64_t> samples);
  /// Fills the logits.
  void forward(std::span<const double> theta);
  /// [C] of the r-th sample: the logits; before backward() the slopes d NLL / d logit stand there.
  std::span<double> logits(size_t r) { return std::span(logits_).subspan(r * classes_, classes_); }
  /// Adds the slopes' gradient with respect to theta.
  void backward(std::span<double> gradient);

 private:
  double* features(size_t r) { return features_.data() + r * layout_.features(); }

  LinearLayout layout_;
  size_t classes_, rows_ = 0;
  std::vector<double> features_, logits_;  ///< [kRows, M * C], [kRows, C]
};

/// What a fit minimises, for `samples` of `val`: (sum of NLL + sum_j l2_j / 2 (theta_j - start_j)^2) / samples.
struct LinearProblem {
  const Predictions& val;
  std::vector<double> log_sums;  ///< of val
  std::vector<double> centres;   ///< [M] the mean log-probability of each member, or the numbers would fight
  LinearHead start;
  bool bias = true;        ///< whether the biases are fitted
  std::vector<double> l2;  ///< one a number of theta
  int threads = 1;

  double value(std::span<const int64_t> samples, std::span<const double> theta, std::span<double> gradient) const;
  /// Mean NLL alone.
  double nll(std::span<const int64_t> samples, std::span<const double> theta) const;
  /// From theta to the minimum, until the value falls by less than `tolerance` of itself.
  std::vector<double> minimise(std::span<const int64_t> samples, std::vector<double> theta, double tolerance) const;
};

}  // namespace retort
