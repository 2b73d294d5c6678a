#include "ensemble/weighted.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

// The sum has lanes of its own, as the compiler may not reorder one.
double dot(std::span<const double> a, std::span<const double> b) {
  std::array<double, 4> lanes{};
  const size_t whole = a.size() & ~size_t{3};
  for (size_t c = 0; c < whole; c += 4) {
    for (size_t k = 0; k < 4; ++k) lanes[k] += a[c + k] * b[c + k];
  }
  double sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];
  for (size_t c = whole; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

// One sample's rows [M, C], less the label's logit, and its part of the NLL and its derivatives.
class Sample {
 public:
  explicit Sample(const MemberLogits& in)
      : members_(static_cast<size_t>(in.members)),
        classes_(static_cast<size_t>(in.classes)),
        rows_(members_ * classes_),
        p_(classes_),
        weighed_(classes_),
        means_(members_) {}

  void add(const MemberLogits& in, int64_t i, size_t label, std::span<const double> w, std::span<double> sums) {
    std::fill(p_.begin(), p_.end(), 0);
    for (size_t m = 0; m < members_; ++m) {
      const std::span<const float> from = in.row(static_cast<int64_t>(m), i);
      const double own = from[label];
      const std::span<double> to = row(m);
      for (size_t c = 0; c < classes_; ++c) to[c] = from[c] - own, p_[c] += w[m] * to[c];
    }
    const double log_sum = log_sum_exp(std::span<const double>(p_));
    for (double& z : p_) z = std::exp(z - log_sum);
    sums[0] += log_sum;
    for (size_t m = 0; m < members_; ++m) sums[1 + m] += means_[m] = dot(p_, row(m));
    double* hessian = &sums[1 + members_];
    for (size_t m = 0; m < members_; ++m) {
      for (size_t c = 0; c < classes_; ++c) weighed_[c] = p_[c] * row(m)[c];
      for (size_t k = 0; k <= m; ++k) hessian[m * members_ + k] += dot(weighed_, row(k)) - means_[m] * means_[k];
    }
  }

 private:
  std::span<double> row(size_t m) { return std::span(rows_).subspan(m * classes_, classes_); }

  size_t members_, classes_;
  std::vector<double> rows_, p_, weighed_, means_;
};

// Weights at the lowest point of the quadratic model around `w` that still are weights: again and again the pair with
// the most to win trades, until none has. Weights that reach 0 are 0.
std::vector<double> lowest_of(const WeightedNll& q, std::vector<double> w) {
  const size_t members = w.size();
  const auto h = [&](size_t a, size_t b) { return q.hessian[a * members + b]; };
  std::vector<double> gradient = q.gradient;
  for (size_t step = 0; step < 10000 * members; ++step) {
    size_t up = 0, down = members;
    for (size_t m = 0; m < members; ++m) {
      if (gradient[m] < gradient[up]) up = m;
      if (w[m] > 0 && (down == members || gradient[m] > gradient[down])) down = m;
    }
    const double gap = gradient[down] - gradient[up], curvature = h(up, up) + h(down, down) - 2 * h(up, down);
    if (!(gap > 1e-13 * std::abs(q.value))) break;
    const bool all = !(curvature * w[down] > gap);
    const double move = all ? w[down] : gap / curvature;
    w[up] += move;
    w[down] = all ? 0 : w[down] - move;
    for (size_t m = 0; m < members; ++m) gradient[m] += move * (h(m, up) - h(m, down));
  }
  return w;
}

// Newton's method on the simplex, where the NLL is convex. It cannot diverge: weights are bounded.
std::vector<double> fit_weights(const Predictions& val, int threads) {
  const auto members = static_cast<size_t>(val.count());
  std::vector<double> w(members, 1 / static_cast<double>(members));
  WeightedNll here = weighted_nll(val, w, threads);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> trial = lowest_of(here, w);
    double slope = 0;
    for (size_t m = 0; m < members; ++m) slope += here.gradient[m] * (trial[m] - w[m]);
    if (!(slope < 0)) break;
    const std::vector<double> target = trial;
    if (slope > -1e-9 * here.value) return target;  // the step that doubles the digits is the last
    WeightedNll there = weighted_nll(val, trial, threads);
    for (double step = 0.5; there.value > here.value + 1e-4 * slope * 2 * step; step /= 2) {
      if (step < 1e-9) return w;
      for (size_t m = 0; m < members; ++m) trial[m] = w[m] + step * (target[m] - w[m]);
      there = weighted_nll(val, trial, threads);
    }
    w = std::move(trial), here = std::move(there);
  }
  return w;
}

}  // namespace

WeightedNll weighted_nll(const Predictions& val, std::span<const double> w, int threads) {
  const MemberLogits in = view_of(val);
  const size_t members = w.size();
  std::vector<double> sums = sum_blocks(
      threads, in.samples, 1 + members + members * members, [&](int64_t begin, int64_t end, std::span<double> part) {
        Sample sample(in);
        for (int64_t i = begin; i < end; ++i) {
          sample.add(in, i, static_cast<size_t>(val.labels[static_cast<size_t>(i)]), w, part);
        }
      });
  for (double& s : sums) s /= static_cast<double>(in.samples);
  WeightedNll nll{sums[0], {&sums[1], &sums[1] + members}, {&sums[1] + members, sums.data() + sums.size()}};
  for (size_t m = 0; m < members; ++m) {
    for (size_t k = 0; k < m; ++k) nll.hessian[k * members + m] = nll.hessian[m * members + k];
  }
  return nll;
}

std::unique_ptr<Combiner> make_weighted(Settings&) { return make_mixture({"weighted", mix_logits, fit_weights}); }

}  // namespace retort
