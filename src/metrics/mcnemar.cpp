#include <algorithm>
#include <cmath>
#include <numeric>

#include "retort/metrics.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "mcnemar";
constexpr int64_t kExactBelow = 25;  // discordant samples

// Probability that of n fair coins at most k show heads.
double binomial_cdf(int64_t k, int64_t n) {
  double term = std::pow(0.5, static_cast<double>(n)), sum = 0;
  for (int64_t i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return sum;
}

// The upper tail of chi-square with one degree of freedom.
double chi_square_tail(double value) { return std::erfc(std::sqrt(value / 2)); }

}  // namespace

McNemar mcnemar(std::span<const uint8_t> correct_a, std::span<const uint8_t> correct_b) {
  if (correct_a.size() != correct_b.size() || correct_a.empty()) {
    fail(kWhere, correct_a.size(), " and ", correct_b.size(), " samples; expected the same ones, at least one");
  }
  McNemar test;
  for (size_t i = 0; i < correct_a.size(); ++i) {
    test.only_a += correct_a[i] && !correct_b[i];
    test.only_b += correct_b[i] && !correct_a[i];
  }
  const int64_t discordant = test.only_a + test.only_b;
  test.exact = discordant < kExactBelow;
  if (test.exact) {
    test.p = std::min(1.0, 2 * binomial_cdf(std::min(test.only_a, test.only_b), discordant));
  } else {
    const auto gap = static_cast<double>(std::max<int64_t>(0, std::abs(test.only_a - test.only_b) - 1));
    test.p = chi_square_tail(gap * gap / static_cast<double>(discordant));
  }
  return test;
}

std::vector<double> holm(std::span<const double> p) {
  for (const double value : p) {
    if (!(value >= 0 && value <= 1)) fail("holm", "a p-value of ", value, "; expected a number in [0, 1]");
  }
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.size());
  double least = 0;  // what a larger p has been corrected to is never below what a smaller one has
  for (size_t i = 0; i < order.size(); ++i) {
    least = std::max(least, std::min(1.0, p[order[i]] * static_cast<double>(order.size() - i)));
    out[order[i]] = least;
  }
  return out;
}

}  // namespace retort
