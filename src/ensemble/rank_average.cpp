#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/machine.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr const char* kWhere = "rank_average";

// Adds each class's rank in a row, from 1 for the highest; classes of equal logits share the mean of their ranks.
void add_ranks(std::span<const float> row, std::vector<int64_t>& order, std::span<double> ranks) {
  const auto value = [&](int64_t c) { return row[static_cast<size_t>(c)]; };
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return value(a) > value(b); });
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && value(order[end]) == value(order[begin])) ++end;
    for (size_t k = begin; k < end; ++k) {
      ranks[static_cast<size_t>(order[k])] += (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    }
  }
}

// The combined probability falls with the mean rank r as r^-s (Zipf's law); s is what is fitted.
class RankAverage final : public Combiner {
 public:
  void combine(const MemberLogits& in, float* out) const override {
    std::vector<int64_t> order(static_cast<size_t>(in.classes));
    std::vector<double> ranks(order.size());
    for (int64_t i = 0; i < in.samples; ++i) {
      std::fill(ranks.begin(), ranks.end(), 0);
      for (int64_t m = 0; m < in.members; ++m) add_ranks(in.row(m, i), order, ranks);
      for (const double r : ranks) {
        *out++ = static_cast<float>(-exponent_ * std::log(r / static_cast<double>(in.members)));
      }
    }
  }

  bool needs_fit() const override { return true; }

  void fit(const Predictions& val, int threads) override {
    exponent_ = 1;
    std::vector<float> logits(static_cast<size_t>(val.samples * val.classes));
    constexpr int64_t kBlock = 256;
    parallel_for(threads, (val.samples + kBlock - 1) / kBlock, [&](int64_t b) {
      const int64_t begin = b * kBlock, end = std::min(val.samples, begin + kBlock);
      combine(view_of(val).slice(begin, end), logits.data() + begin * val.classes);
    });
    exponent_ = fit_scale({logits.data(), 1, val.samples, val.classes}, val.labels, threads);
    is_fitted_ = true;
  }

  Fitted fitted() const override {
    if (!is_fitted_) return {};
    return {{"exponent", {{1}, {exponent_}}}};
  }

  void set_fitted(const Fitted& fitted, int64_t) override {
    const Numbers& n = fitted_array(kWhere, fitted, "exponent", 1);
    if (n.values.size() != 1 || !(n.values[0] > 0)) fail(kWhere, "the exponent is not one number above 0");
    exponent_ = n.values[0];
    is_fitted_ = true;
  }

 private:
  double exponent_ = 1;
  bool is_fitted_ = false;
};

}  // namespace

std::unique_ptr<Combiner> make_rank_average(Settings&) { return std::make_unique<RankAverage>(); }

}  // namespace retort
