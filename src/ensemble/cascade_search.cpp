#include "ensemble/cascade_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace retort {

namespace {

constexpr double kCombinations = 256;

size_t at(int64_t position) { return static_cast<size_t>(position); }

// A threshold that `high` reaches and `low` does not, far from both.
double between(double high, double low) {
  const double middle = low + (high - low) / 2;
  return middle > low ? middle : high;
}

// Thresholds that about each 1 / grid more of the samples reach, from none to all.
std::vector<double> quantiles(const StageAnswers& stage, size_t grid) {
  std::vector<double> out{kNever};
  const size_t samples = stage.surest.size(), parts = std::min(grid, samples);
  for (size_t j = 1; j < parts; ++j) {
    const size_t first = j * samples / parts;
    const double high = stage.confidence[at(stage.surest[first - 1])], low = stage.confidence[at(stage.surest[first])];
    if (high > low) out.push_back(between(high, low));
  }
  out.push_back(0);
  return out;
}

class Search {
 public:
  Search(std::span<const StageAnswers* const> stages, const CascadeGoal& goal)
      : stages_(stages), goal_(goal), thresholds_(stages.size() - 1) {
    if (stages.size() < 3) return;
    const size_t levels = stages.size() - 2;
    const auto grid = std::llround(std::pow(kCombinations, 1 / static_cast<double>(levels)));
    for (size_t k = 0; k < levels; ++k) quantiles_.push_back(quantiles(*stages[k], static_cast<size_t>(grid)));
  }

  std::optional<CascadeChoice> run() {
    if (stages_.size() > 1) {
      descend(0, stages_[stages_.size() - 2]->surest, 0, 0);
    } else {
      const std::vector<uint8_t>& right = stages_[0]->right;
      offer(std::accumulate(right.begin(), right.end(), int64_t{0}),
            static_cast<double>(right.size()) * stages_[0]->cost);
    }
    return best_;
  }

 private:
  // Of `open`, the samples that come to stage k, those that the last but one stage is surest of come first; all others
  // are settled, with so many right at such a cost.
  void descend(size_t k, const std::vector<int64_t>& open, int64_t right, double cost) {
    if (hopeless(k, open, right, cost)) return;
    if (k + 2 == stages_.size()) return settle_exactly(open, right, cost);
    const StageAnswers& stage = *stages_[k];
    std::vector<int64_t> rest;
    for (const double threshold : quantiles_[k]) {
      thresholds_[k] = threshold;
      rest.clear();
      int64_t right_here = 0;
      for (const int64_t i : open) {
        if (stage.confidence[at(i)] >= threshold) {
          right_here += stage.right[at(i)];
        } else {
          rest.push_back(i);
        }
      }
      descend(k + 1, rest, right + right_here, cost + static_cast<double>(open.size() - rest.size()) * stage.cost);
    }
  }

  // Whether not even the cheapest way on, with everything right, would do.
  bool hopeless(size_t k, const std::vector<int64_t>& open, int64_t right, double cost) const {
    const int64_t most_right = right + std::ssize(open);
    const double least_cost = cost + static_cast<double>(open.size()) * stages_[k]->cost;
    return !goal_.reached(most_right, least_cost) || (best_ && !goal_.better(most_right, least_cost, *best_));
  }

  // Settles ever more samples in the last but one stage, the surest first; those of one confidence go together.
  void settle_exactly(const std::vector<int64_t>& open, int64_t right, double cost) {
    const StageAnswers &stage = *stages_[stages_.size() - 2], &last = *stages_.back();
    for (const int64_t i : open) right += last.right[at(i)];
    for (size_t settled = 0;; ++settled) {
      const double high = settled > 0 ? stage.confidence[at(open[settled - 1])] : kNever;
      const double low = settled < open.size() ? stage.confidence[at(open[settled])] : -kNever;
      if (high > low) {
        thresholds_.back() = settled == 0 ? kNever : settled == open.size() ? 0 : between(high, low);
        offer(right, cost + static_cast<double>(settled) * stage.cost +
                         static_cast<double>(open.size() - settled) * last.cost);
      }
      if (settled == open.size()) return;
      right += stage.right[at(open[settled])] - last.right[at(open[settled])];
    }
  }

  void offer(int64_t right, double cost) {
    if (!goal_.reached(right, cost) || (best_ && !goal_.better(right, cost, *best_))) return;
    best_ = CascadeChoice{thresholds_, right, cost};
  }

  std::span<const StageAnswers* const> stages_;
  CascadeGoal goal_;
  std::vector<std::vector<double>> quantiles_;  ///< of the stages before the last two
  std::vector<double> thresholds_;              ///< that are tried now
  std::optional<CascadeChoice> best_;
};

}  // namespace

StageAnswers make_answers(double cost, std::vector<double> confidence, std::vector<uint8_t> right) {
  StageAnswers answers{cost, std::move(confidence), std::move(right), {}};
  answers.surest.resize(answers.confidence.size());
  std::iota(answers.surest.begin(), answers.surest.end(), 0);
  std::stable_sort(answers.surest.begin(), answers.surest.end(),
                   [&](int64_t a, int64_t b) { return answers.confidence[at(a)] > answers.confidence[at(b)]; });
  return answers;
}

std::optional<CascadeChoice> choose_thresholds(std::span<const StageAnswers* const> stages, const CascadeGoal& goal) {
  return Search(stages, goal).run();
}

}  // namespace retort
