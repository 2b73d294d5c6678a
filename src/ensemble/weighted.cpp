#include <lbfgs.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "weighted";

lbfgsfloatval_t evaluate_for_lbfgs(void* objective, const lbfgsfloatval_t* theta, lbfgsfloatval_t* gradient, int n,
                                   lbfgsfloatval_t) {
  const auto size = static_cast<size_t>(n);
  return (*static_cast<const WeightedNll*>(objective))({theta, size}, {gradient, size});
}

// Theta of the lowest NLL that the search has come to, from uniform weights.
std::vector<double> minimise(WeightedNll& nll, size_t members) {
  const auto n = static_cast<int>(members);
  const std::unique_ptr<lbfgsfloatval_t, decltype(&lbfgs_free)> theta(lbfgs_malloc(n), lbfgs_free);  // aligned for it
  if (!theta) throw std::bad_alloc();
  std::fill_n(theta.get(), members, 0.0);
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.epsilon = 1e-12;
  parameters.max_iterations = 500;
  const int code = lbfgs(n, theta.get(), nullptr, evaluate_for_lbfgs, nullptr, &nll, &parameters);
  // Near the optimum the line search ends on rounding errors, with the best point so far: that is no failure.
  if (code < LBFGSERR_OUTOFINTERVAL) fail(kWhere, "the fit of the weights could not begin (libLBFGS says ", code, ")");
  return {theta.get(), theta.get() + members};
}

class Weighted final : public Combiner {
 public:
  // Uniform before a fit.
  void combine(const MemberLogits& in, float* out) const override {
    if (weights_.empty()) {
      Settings none;
      return make_mean_logits(none)->combine(in, out);
    }
    if (in.members != std::ssize(weights_)) {
      fail(kWhere, in.members, " members; the weights were fitted on ", weights_.size());
    }
    weighted_sum(in, weights_, out);
  }

  void fit(const Predictions& val) override {
    const auto members = static_cast<size_t>(val.count());
    WeightedNll nll(val);
    std::vector<double> fitted = softmax<double>(minimise(nll, members));
    if (std::any_of(fitted.begin(), fitted.end(), [](double w) { return !std::isfinite(w); })) {
      fail(kWhere, "the fit of the weights has diverged; combine with mean_logits instead");
    }
    weights_ = std::move(fitted);
  }

  std::vector<double> weights() const override { return weights_; }
  void set_weights(const std::vector<double>& weights) override {
    check_weights(kWhere, weights, std::ssize(weights));
    weights_ = weights;
  }

 private:
  std::vector<double> weights_;
};

}  // namespace

double WeightedNll::operator()(std::span<const double> theta, std::span<double> gradient) const {
  const std::vector<double> w = softmax(theta);
  const auto classes = static_cast<size_t>(val_.classes), samples = static_cast<size_t>(val_.samples);
  std::vector<double> z(classes), slope(w.size());  // slope: d NLL / d w
  double nll = 0;
  for (size_t i = 0; i < samples; ++i) {
    const auto row = [&](size_t m) { return val_.logits.data() + (m * samples + i) * classes; };
    std::fill(z.begin(), z.end(), 0);
    for (size_t m = 0; m < w.size(); ++m) {
      for (size_t c = 0; c < classes; ++c) z[c] += w[m] * row(m)[c];
    }
    const double log_sum = log_sum_exp(std::span<const double>(z));
    const auto label = static_cast<size_t>(val_.labels[i]);
    nll += log_sum - z[label];
    for (double& value : z) value = std::exp(value - log_sum);  // now p
    z[label] -= 1;
    for (size_t m = 0; m < w.size(); ++m) {
      for (size_t c = 0; c < classes; ++c) slope[m] += z[c] * row(m)[c];
    }
  }
  // Through the softmax: d NLL / d theta_m = w_m (slope_m - sum_k w_k slope_k).
  double mean = 0;
  for (size_t m = 0; m < w.size(); ++m) mean += w[m] * slope[m];
  for (size_t m = 0; m < w.size(); ++m) gradient[m] = w[m] * (slope[m] - mean) / static_cast<double>(samples);
  return nll / static_cast<double>(samples);
}

std::unique_ptr<Combiner> make_weighted(Settings&) { return std::make_unique<Weighted>(); }

}  // namespace retort
