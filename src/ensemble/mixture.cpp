#include <cmath>

#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

void check_weights(const std::string& where, std::span<const double> weights) {
  double sum = 0;
  for (const double w : weights) {
    if (!(w >= 0)) fail(where, "weight ", w, "; expected 0 or more");
    sum += w;
  }
  if (!(std::abs(sum - 1) <= 1e-6)) fail(where, "the weights sum to ", sum, "; expected 1");
}

class MixtureCombiner final : public Combiner {
 public:
  explicit MixtureCombiner(Mixture mixture) : mixture_(std::move(mixture)) {}

  void combine(const MemberLogits& in, float* out) const override {
    if (weights_.empty()) {
      const auto members = static_cast<size_t>(in.members);
      return mixture_.mix(in, std::vector<double>(members, 1 / static_cast<double>(members)), out);
    }
    check_count(mixture_.name, "members", in.members, std::ssize(weights_));
    mixture_.mix(in, weights_, out);
  }

  bool needs_fit() const override { return mixture_.fit != nullptr; }
  void fit(const Predictions& val, int threads) override {
    if (mixture_.fit) weights_ = mixture_.fit(val, threads);
  }

  Fitted fitted() const override {
    if (weights_.empty()) return {};
    return {{"weights", {{std::ssize(weights_)}, weights_}}};
  }

  void set_fitted(const Fitted& fitted, int64_t members) override {
    if (!needs_fit()) return Combiner::set_fitted(fitted, members);
    const Numbers& n = fitted_array(mixture_.name, fitted, "weights", 1);
    check_count(mixture_.name, "members", members, n.shape[0]);
    check_weights(mixture_.name, n.values);
    weights_ = n.values;
  }

 private:
  Mixture mixture_;
  std::vector<double> weights_;
};

}  // namespace

std::unique_ptr<Combiner> make_mixture(Mixture mixture) {
  return std::make_unique<MixtureCombiner>(std::move(mixture));
}

void mix_logits(const MemberLogits& in, std::span<const double> weights, float* out) {
  std::vector<double> sums(static_cast<size_t>(in.classes));
  for (int64_t i = 0; i < in.samples; ++i) {
    std::fill(sums.begin(), sums.end(), 0);
    for (int64_t m = 0; m < in.members; ++m) {
      const std::span<const float> row = in.row(m, i);
      const double w = weights[static_cast<size_t>(m)];
      for (size_t c = 0; c < row.size(); ++c) sums[c] += w * row[c];
    }
    for (const double z : sums) *out++ = finite_float(z);
  }
}

void mix_probabilities(const MemberLogits& in, std::span<const double> weights, float* out) {
  mix_probabilities(in, weights, std::vector<double>(weights.size(), 1.0), out);
}

// By log-sum-exp over members: probabilities far below the smallest double still keep their order.
void mix_probabilities(const MemberLogits& in, std::span<const double> weights, std::span<const double> scales,
                       float* out) {
  const auto classes = static_cast<size_t>(in.classes);
  std::vector<double> logs, terms;  // logs: log(weight * probability), class by class for each member that counts
  for (int64_t i = 0; i < in.samples; ++i) {
    logs.clear();
    for (size_t m = 0; m < weights.size(); ++m) {
      if (weights[m] == 0) continue;
      const std::span<const float> row = in.row(static_cast<int64_t>(m), i);
      for (const float z : row) logs.push_back(scales[m] * z);
      const std::span<double> own = std::span(logs).last(classes);
      const double shift = std::log(weights[m]) - log_sum_exp(std::span<const double>(own));
      for (double& z : own) z += shift;
    }
    terms.resize(logs.size() / classes);
    for (size_t c = 0; c < classes; ++c) {
      for (size_t m = 0; m < terms.size(); ++m) terms[m] = logs[m * classes + c];
      *out++ = finite_float(log_sum_exp(std::span<const double>(terms)));
    }
  }
}

}  // namespace retort
