#include <algorithm>

#include "metrics/resample.h"
#include "retort/metrics.h"

namespace retort {

namespace {

constexpr int kResamples = 2000;

using Runs = std::span<const std::vector<uint8_t>>;

// The runs' verdicts with a sample's side by side, so that a resampled sample is one short row.
std::vector<uint8_t> by_sample(Runs a, Runs b) {
  const size_t samples = a[0].size(), width = a.size() + b.size();
  std::vector<uint8_t> rows(samples * width);
  for (size_t run = 0; run < width; ++run) {
    const std::vector<uint8_t>& verdicts = run < a.size() ? a[run] : b[run - a.size()];
    for (size_t i = 0; i < samples; ++i) rows[i * width + run] = verdicts[i] != 0;
  }
  return rows;
}

// Mean accuracy of some runs of a group, drawn with replacement. n - 1 of n are drawn, so that the mean varies as much
// as the sample variance of n runs says; drawing n of few would make the interval too narrow (Rao and Wu 1988).
double draw_mean(std::span<const int64_t> right, Rng& rng) {
  const size_t draws = std::max<size_t>(1, right.size() - 1);
  double sum = 0;
  for (size_t i = 0; i < draws; ++i) sum += static_cast<double>(right[rng.below(right.size())]);
  return sum / static_cast<double>(draws);
}

double mean(std::span<const int64_t> right) {
  double sum = 0;
  for (const int64_t r : right) sum += static_cast<double>(r);
  return sum / static_cast<double>(right.size());
}

void check_groups(Runs a, Runs b) {
  if (a.empty() || b.empty()) fail("metrics", "a group of no runs; expected at least one run in each");
  for (const Runs group : {a, b}) {
    for (const std::vector<uint8_t>& run : group) {
      if (run.size() == a[0].size() && !run.empty()) continue;
      fail("metrics", "runs on ", a[0].size(), " and ", run.size(), " samples; expected the same ones, at least one");
    }
  }
}

}  // namespace

Change seeds_change(Runs a, Runs b, uint64_t seed) {
  check_groups(a, b);
  const std::vector<uint8_t> rows = by_sample(a, b);
  const size_t samples = a[0].size(), width = a.size() + b.size();
  std::vector<int64_t> right(width);
  const std::span<const int64_t> of_a(right.data(), a.size()), of_b(right.data() + a.size(), b.size());
  const auto add_sample = [&](size_t i) {
    for (size_t run = 0; run < width; ++run) right[run] += rows[i * width + run];
  };
  for (size_t i = 0; i < samples; ++i) add_sample(i);
  Change change{.value = (mean(of_b) - mean(of_a)) / static_cast<double>(samples)};
  std::vector<double> drawn;
  for (int r = 0; r < kResamples; ++r) {
    std::fill(right.begin(), right.end(), 0);
    Rng rng = resample(seed, r, samples, add_sample);
    const double mean_b = draw_mean(of_b, rng);
    drawn.push_back((mean_b - draw_mean(of_a, rng)) / static_cast<double>(samples));
  }
  change.interval = percentile_interval(std::move(drawn));
  return change;
}

}  // namespace retort
