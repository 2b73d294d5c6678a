#include <algorithm>
#include <cmath>

#include "base/random.h"
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

Interval bootstrap_mean(std::span<const double> values, uint64_t seed, int resamples) {
  if (values.empty()) fail(kWhere, "no values to take an interval of");
  if (resamples < 1) fail(kWhere, resamples, " resamples; expected at least 1");
  Rng rng = stream(seed, Purpose::bootstrap);
  std::vector<double> means(static_cast<size_t>(resamples));
  for (double& mean : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[rng.below(values.size())];
    mean = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  return {quantile(means, 0.025), quantile(means, 0.975)};
}

Change accuracy_change(std::span<const uint8_t> correct_a, std::span<const uint8_t> correct_b, uint64_t seed) {
  if (correct_a.size() != correct_b.size()) {
    fail(kWhere, correct_a.size(), " and ", correct_b.size(), " samples; a paired change needs the same samples");
  }
  // Resampling the differences keeps each sample's pair together.
  std::vector<double> differences;
  for (size_t i = 0; i < correct_a.size(); ++i) {
    differences.push_back((correct_b[i] ? 1.0 : 0.0) - (correct_a[i] ? 1.0 : 0.0));
  }
  return {mean_sd(differences).mean, bootstrap_mean(differences, seed)};
}

}  // namespace retort
