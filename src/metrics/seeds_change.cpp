#include <algorithm>

#include "metrics/resample.h"
#include "retort/metrics.h"

namespace retort {

namespace {

constexpr int kResamples = 2000;

using Runs = std::span<const std::vector<uint8_t>>;

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

// Groups of runs on the same samples, as correct() gives them.
class Groups {
 public:
  explicit Groups(std::vector<Runs> groups) : groups_(std::move(groups)) {
    check();
    samples_ = groups_[0][0].size();
    for (const Runs group : groups_) width_ += group.size();
    rows_.reserve(samples_ * width_);
    for (size_t i = 0; i < samples_; ++i) {
      for (const Runs group : groups_) {
        for (const std::vector<uint8_t>& run : group) rows_.push_back(run[i] != 0);
      }
    }
  }

  /// Calls `use` with how many samples each group gets right, the mean of its runs: first as they are, then in each
  /// resample.
  template <class Use>
  void each_resample(uint64_t seed, const Use& use) const {
    std::vector<int64_t> right(width_);
    const auto add_sample = [&](size_t i) {
      for (size_t run = 0; run < width_; ++run) right[run] += rows_[i * width_ + run];
    };
    const auto means = [&](const auto& mean_of) {
      std::vector<double> out;
      size_t first = 0;
      for (const Runs group : groups_) {
        out.push_back(mean_of(std::span<const int64_t>(right).subspan(first, group.size())));
        first += group.size();
      }
      return out;
    };
    for (size_t i = 0; i < samples_; ++i) add_sample(i);
    use(means(mean));
    for (int r = 0; r < kResamples; ++r) {
      std::fill(right.begin(), right.end(), 0);
      Rng rng = resample(seed, r, samples_, add_sample);
      use(means([&rng](std::span<const int64_t> group) { return draw_mean(group, rng); }));
    }
  }

  double samples() const { return static_cast<double>(samples_); }

 private:
  void check() const {
    for (const Runs group : groups_) {
      if (group.empty()) fail("metrics", "a group of no runs; expected at least one run in each");
    }
    const size_t samples = groups_[0][0].size();
    for (const Runs group : groups_) {
      for (const std::vector<uint8_t>& run : group) {
        if (run.size() == samples && !run.empty()) continue;
        fail("metrics", "runs on ", samples, " and ", run.size(), " samples; expected the same ones, at least one");
      }
    }
  }

  std::vector<Runs> groups_;
  size_t samples_ = 0, width_ = 0;
  std::vector<uint8_t> rows_;  ///< [samples, runs], so that a resampled sample is one short row
};

// The first value is the statistic, the others are what it was in the resamples.
Change change_from(std::vector<double> values) {
  const double value = values.front();
  values.erase(values.begin());
  return {value, percentile_interval(std::move(values))};
}

}  // namespace

Change seeds_change(Runs a, Runs b, uint64_t seed) {
  const Groups groups({b, a});
  std::vector<double> differences;
  groups.each_resample(
      seed, [&](const std::vector<double>& right) { differences.push_back((right[0] - right[1]) / groups.samples()); });
  return change_from(std::move(differences));
}

std::optional<Change> gain_kept(Runs scratch, Runs student, const std::vector<uint8_t>& teacher, uint64_t seed) {
  std::vector<double> shares;
  bool gains = true;
  Groups({student, scratch, Runs(&teacher, 1)}).each_resample(seed, [&](const std::vector<double>& right) {
    const double gain = right[2] - right[1];
    gains = gains && gain > 0;
    shares.push_back((right[0] - right[1]) / gain);
  });
  if (!gains) return std::nullopt;
  return change_from(std::move(shares));
}

}  // namespace retort
