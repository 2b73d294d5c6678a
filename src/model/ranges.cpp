#include "model/ranges.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace retort {

namespace {

constexpr double kKept = 0.9999;

float largest(const ValueStats& stats) { return std::max(std::abs(stats.low), std::abs(stats.high)); }

// The upper end of that many bins.
float edge(const ValueStats& stats, size_t bins) {
  return largest(stats) * static_cast<float>(bins) / static_cast<float>(stats.magnitudes.size());
}

float percentile(const ValueStats& stats) {
  const auto total = std::accumulate(stats.magnitudes.begin(), stats.magnitudes.end(), int64_t{0});
  int64_t seen = 0;
  for (size_t i = 0; i < stats.magnitudes.size(); ++i) {
    seen += stats.magnitudes[i];
    if (static_cast<double>(seen) >= kKept * static_cast<double>(total)) return edge(stats, i + 1);
  }
  return largest(stats);
}

// KL(p || q) of the first `bins` bins, where p has all that lies beyond in its last bin, and q is what `levels` steps
// leave of them: each step's count, spread evenly over those of its bins that are not empty.
double divergence(const std::vector<int64_t>& counts, size_t bins, size_t levels) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double beyond = std::accumulate(counts.begin() + static_cast<std::ptrdiff_t>(bins), counts.end(), 0.0);
  const double within = total - beyond;
  double kl = 0;
  for (size_t level = 0; level < levels; ++level) {
    const size_t first = level * bins / levels, last = (level + 1) * bins / levels;
    double sum = 0, filled = 0;
    for (size_t i = first; i < last; ++i) sum += static_cast<double>(counts[i]), filled += counts[i] > 0 ? 1 : 0;
    for (size_t i = first; i < last; ++i) {
      const double p = (static_cast<double>(counts[i]) + (i + 1 == bins ? beyond : 0)) / total;
      if (p == 0) continue;
      const double q = counts[i] > 0 ? sum / filled / within : 1e-9;  // the last bin alone may be filled from beyond
      kl += p * std::log(p / q);
    }
  }
  return kl;
}

float entropy(const ValueStats& stats) {
  const size_t levels = stats.low < 0 ? 128 : 256;  // of magnitudes: those of both signs share 256
  std::vector<int64_t> counts = stats.magnitudes;
  counts[0] = counts[1];  // the zeros of activations, which any range has, would outweigh all else
  size_t best = counts.size();
  double least = divergence(counts, best, levels);
  for (size_t bins = levels; bins < counts.size(); bins += 8) {
    const double kl = divergence(counts, bins, levels);
    if (kl < least) least = kl, best = bins;
  }
  return edge(stats, best);
}

struct Row {
  std::string name;
  float (*find)(const ValueStats&);
};

const Row& find_row(const std::string& method) {
  static const std::vector<Row> rows{{"percentile", percentile}, {"minmax", largest}, {"entropy", entropy}};
  return find_registered("export: range", rows, method);
}

}  // namespace

void check_range_method(const std::string& method) { find_row(method); }

float clipped_at(const std::string& method, const ValueStats& stats) { return find_row(method).find(stats); }

}  // namespace retort
