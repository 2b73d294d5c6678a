#include <algorithm>
#include <cmath>

#include "metrics/resample.h"
#include "retort/metrics.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "bootstrap";

// The quantile of sorted values, linear between neighbours.
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

Interval percentile_interval(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.025), quantile(values, 0.975)};
}

Interval bootstrap_mean(std::span<const double> values, uint64_t seed, int resamples) {
  if (values.empty()) fail(kWhere, "no values to take an interval of");
  if (resamples < 1) fail(kWhere, resamples, " resamples; expected at least 1");
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    fail(kWhere, "a value is not finite; expected numbers that have a mean");
  }
  std::vector<double> means;
  for (int r = 0; r < resamples; ++r) {
    double sum = 0;
    resample(seed, r, values.size(), [&](size_t i) { sum += values[i]; });
    means.push_back(sum / static_cast<double>(values.size()));
  }
  return percentile_interval(std::move(means));
}

Change mean_change(std::span<const double> a, std::span<const double> b, uint64_t seed) {
  if (a.size() != b.size()) {
    fail(kWhere, a.size(), " and ", b.size(), " samples; a paired change needs the same samples");
  }
  // Resampling the differences keeps each sample's pair together.
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(b[i] - a[i]);
  return {mean_sd(differences).mean, bootstrap_mean(differences, seed)};
}

Change accuracy_change(std::span<const uint8_t> correct_a, std::span<const uint8_t> correct_b, uint64_t seed) {
  const auto shares = [](std::span<const uint8_t> verdicts) {
    std::vector<double> out;
    for (const uint8_t right : verdicts) out.push_back(right ? 1 : 0);
    return out;
  };
  return mean_change(shares(correct_a), shares(correct_b), seed);
}

}  // namespace retort
