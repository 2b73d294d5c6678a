#include "metrics/scores.h"

#include <algorithm>
#include <cmath>

#include "base/softmax.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "metrics";

// Throws Error on input that is not well-formed.
void check(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  if (labels.empty() || classes < 1) {
    fail(kWhere, labels.size(), " labels of ", classes, " classes; expected at least one of each");
  }
  const auto width = static_cast<size_t>(classes);
  if (logits.size() / width != labels.size() || logits.size() % width != 0) {
    fail(kWhere, logits.size(), " logits; expected ", classes, " for each of ", labels.size(), " labels");
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      fail(kWhere, "label ", labels[i], " of sample ", i, " is out of range; expected 0 to ", classes - 1);
    }
  }
  const auto bad = std::find_if(logits.begin(), logits.end(), [](float z) { return !std::isfinite(z); });
  if (bad != logits.end()) {
    fail(kWhere, "a logit of sample ", (bad - logits.begin()) / classes, " is ", *bad, "; the model has diverged");
  }
}

std::span<const float> row_of(std::span<const float> logits, size_t sample, int64_t classes) {
  return logits.subspan(sample * static_cast<size_t>(classes), static_cast<size_t>(classes));
}

// Where (lo, hi] holds a confidence: the bin whose hi is not below it.
int32_t bin_of(double confidence) {
  return std::clamp(static_cast<int>(std::ceil(confidence * ScoreSums::kBins)) - 1, 0, ScoreSums::kBins - 1);
}

// Classes with higher logits than the label's, and lower ones with equal logits.
int32_t rank_of(std::span<const float> row, size_t label) {
  int32_t rank = 0;
  for (size_t c = 0; c < label; ++c) rank += row[c] >= row[label];
  for (size_t c = label + 1; c < row.size(); ++c) rank += row[c] > row[label];
  return rank;
}

// One exponential a class: its sums are all that NLL, Brier and confidence need. The label's is kept apart, so that
// scores near 0 keep their digits.
Score score_of(std::span<const float> row, size_t label) {
  const double highest = *std::max_element(row.begin(), row.end());
  double others = 0, others_squared = 0;
  for (size_t c = 0; c < row.size(); ++c) {
    if (c == label) continue;
    const double e = std::exp(row[c] - highest);
    others += e;
    others_squared += e * e;
  }
  const double below_highest = highest - row[label], sum = others + std::exp(-below_highest), confidence = 1 / sum;
  Score score{.nll = below_highest + std::log(sum), .brier = (others * others + others_squared) / (sum * sum)};
  score.rank = rank_of(row, label);
  score.gap = (score.rank == 0 ? 1 : 0) - confidence;
  score.bin = bin_of(confidence);
  return score;
}

// What `of` makes of each sample's row of logits and label.
template <class Of>
auto each(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes, Of of) {
  check(logits, labels, classes);
  std::vector<decltype(of(logits, size_t{}))> out;
  out.reserve(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    out.push_back(of(row_of(logits, i, classes), static_cast<size_t>(labels[i])));
  }
  return out;
}

}  // namespace

std::vector<Score> scores(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  return each(logits, labels, classes, score_of);
}

std::vector<int64_t> predicted(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  return each(logits, labels, classes, [](std::span<const float> row, size_t) { return highest_of(row); });
}

std::vector<uint8_t> correct(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  return each(logits, labels, classes,
              [](std::span<const float> row, size_t label) -> uint8_t { return rank_of(row, label) == 0; });
}

std::vector<double> nll(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  return each(logits, labels, classes,
              [](std::span<const float> row, size_t label) { return score_of(row, label).nll; });
}

Metrics ScoreSums::metrics() const {
  const auto n = static_cast<double>(samples_);
  Metrics m{.samples = samples_};
  m.accuracy = static_cast<double>(right_) / n;
  m.top5_accuracy = static_cast<double>(top5_) / n;
  m.nll = nll_ / n;
  m.brier = brier_ / n;
  // A bin's |B| * |accuracy - confidence| is the size of the sum of its gaps.
  for (const double gap : gaps_) m.ece += std::abs(gap) / n;
  return m;
}

Metrics metrics_of(std::span<const Score> all) {
  ScoreSums sums;
  for (const Score& score : all) sums.add(score);
  return sums.metrics();
}

}  // namespace retort
