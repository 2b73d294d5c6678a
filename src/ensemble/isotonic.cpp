#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/machine.h"
#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr const char* kWhere = "isotonic";
constexpr double kOwn = 1e-3;  // share of the given probability, which keeps the order where the step function is flat

// A rising curve: straight lines between points, flat beyond the first and the last.
struct Curve {
  std::vector<double> x, y;

  double at(double p) const {
    const auto right = std::upper_bound(x.begin(), x.end(), p);
    if (right == x.begin()) return y.front();
    if (right == x.end()) return y.back();
    const auto k = static_cast<size_t>(right - x.begin());
    return y[k - 1] + (y[k] - y[k - 1]) * (p - x[k - 1]) / (x[k] - x[k - 1]);
  }
};

// Pool adjacent violators: of (probability, whether it was this class) the rising step function with the least squares,
// kept by the ends of its steps.
Curve fit_curve(std::vector<std::pair<double, double>> points) {
  std::sort(points.begin(), points.end());
  struct Step {
    double low, high, sum, count;
    double mean() const { return sum / count; }
  };
  std::vector<Step> steps;
  for (const auto& [p, hit] : points) {
    if (!steps.empty() && steps.back().low == p) {  // equal probabilities are one point
      steps.back().sum += hit, ++steps.back().count;
    } else {
      steps.push_back({p, p, hit, 1});
    }
  }
  std::vector<Step> pooled;
  for (Step step : steps) {
    while (!pooled.empty() && pooled.back().mean() >= step.mean()) {
      step.low = pooled.back().low;
      step.sum += pooled.back().sum, step.count += pooled.back().count;
      pooled.pop_back();
    }
    pooled.push_back(step);
  }
  Curve curve;
  for (const Step& step : pooled) {
    curve.x.push_back(step.low), curve.y.push_back(step.mean());
    if (step.high > step.low) curve.x.push_back(step.high), curve.y.push_back(step.mean());
  }
  return curve;
}

class Isotonic final : public Combiner {
 public:
  void combine(const MemberLogits& in, float* out) const override {
    if (!curves_.empty()) check_count(kWhere, "classes", in.classes, std::ssize(curves_));
    for (int64_t i = 0; i < in.samples; ++i) {
      const std::span<const float> row = in.row(0, i);
      const double log_sum = log_sum_exp(row);
      for (size_t c = 0; c < row.size(); ++c) *out++ = finite_float(calibrated(c, row[c] - log_sum));
    }
  }

  bool needs_fit() const override { return true; }

  void fit(const Predictions& val, int threads) override {
    const MemberLogits in = view_of(val);
    const std::vector<double> sums = log_sums(in, threads);
    curves_.assign(static_cast<size_t>(val.classes), {});
    parallel_for(threads, val.classes, [&](int64_t c) {
      std::vector<std::pair<double, double>> points;
      for (int64_t i = 0; i < val.samples; ++i) {
        const double p = std::exp(in.row(0, i)[static_cast<size_t>(c)] - sums[static_cast<size_t>(i)]);
        points.emplace_back(p, val.labels[static_cast<size_t>(i)] == c ? 1 : 0);
      }
      curves_[static_cast<size_t>(c)] = fit_curve(std::move(points));
    });
  }

  Fitted fitted() const override {
    if (curves_.empty()) return {};
    Numbers sizes, x, y;
    for (const Curve& curve : curves_) {
      sizes.values.push_back(static_cast<double>(curve.x.size()));
      x.values.insert(x.values.end(), curve.x.begin(), curve.x.end());
      y.values.insert(y.values.end(), curve.y.begin(), curve.y.end());
    }
    for (Numbers* n : {&sizes, &x, &y}) n->shape = {std::ssize(n->values)};
    return {{"sizes", sizes}, {"x", x}, {"y", y}};
  }

  void set_fitted(const Fitted& fitted, int64_t) override {
    const Numbers& sizes = fitted_array(kWhere, fitted, "sizes", 1);
    const Numbers &x = fitted_array(kWhere, fitted, "x", 1), &y = fitted_array(kWhere, fitted, "y", 1);
    std::vector<Curve> curves;
    size_t begin = 0;
    for (const double size : sizes.values) {
      if (!(size >= 1 && size <= static_cast<double>(x.values.size() - begin)) || size != std::floor(size) ||
          x.values.size() != y.values.size()) {
        fail(kWhere, "a curve of ", size, " points; the sizes do not fit ", x.values.size(), " points");
      }
      const auto end = begin + static_cast<size_t>(size);
      const auto part = [&](const Numbers& n) {
        return std::vector<double>(n.values.begin() + static_cast<std::ptrdiff_t>(begin),
                                   n.values.begin() + static_cast<std::ptrdiff_t>(end));
      };
      curves.push_back({part(x), part(y)});
      check_curve(curves.back());
      begin = end;
    }
    if (begin != x.values.size()) fail(kWhere, x.values.size(), " points; the sizes sum to ", begin);
    curves_ = std::move(curves);
  }

 private:
  static void check_curve(const Curve& curve) {
    const bool rises = std::is_sorted(curve.y.begin(), curve.y.end()) &&
                       std::adjacent_find(curve.x.begin(), curve.x.end(), std::greater_equal<>()) == curve.x.end();
    if (!rises || curve.x.front() < 0 || curve.x.back() > 1 || curve.y.front() < 0 || curve.y.back() > 1) {
      fail(kWhere, "a curve does not rise from 0 to 1");
    }
  }

  double calibrated(size_t c, double log_p) const {
    if (curves_.empty()) return log_p;
    const double p = std::exp(log_p), mean = (1 - kOwn) * curves_[c].at(p) + kOwn * p;
    return mean > 0 ? std::log(mean) : std::log(kOwn) + log_p;  // p was below the smallest double
  }

  std::vector<Curve> curves_;
};

}  // namespace

std::unique_ptr<Combiner> make_isotonic(Settings&) { return std::make_unique<Isotonic>(); }

}  // namespace retort
