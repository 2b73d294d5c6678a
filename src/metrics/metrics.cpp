#include "retort/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/softmax.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "metrics";
constexpr int kBins = 15;

// Samples of well-formed input. Throws Error on all other.
int64_t checked_samples(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
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
  return static_cast<int64_t>(labels.size());
}

std::span<const float> row_of(std::span<const float> logits, size_t sample, int64_t classes) {
  return logits.subspan(sample * static_cast<size_t>(classes), static_cast<size_t>(classes));
}

// The class of the highest logit, the lowest one on ties.
int64_t predicted(std::span<const float> row) { return std::max_element(row.begin(), row.end()) - row.begin(); }

// Samples by confidence, the highest probability: the bin of (lo, hi] is the one whose hi is not below it.
class CalibrationBins {
 public:
  void add(double confidence, bool right) {
    const int bin = std::clamp(static_cast<int>(std::ceil(confidence * kBins)) - 1, 0, kBins - 1);
    // |B| * |accuracy - confidence| of a bin is the size of the sum of these.
    gaps_[static_cast<size_t>(bin)] += (right ? 1 : 0) - confidence;
  }
  double error(int64_t samples) const {
    double sum = 0;
    for (double gap : gaps_) sum += std::abs(gap);
    return sum / static_cast<double>(samples);
  }

 private:
  std::array<double, kBins> gaps_{};
};

// sum_c (p_c - y_c)^2 of one row.
double brier_of(std::span<const float> row, double log_sum, size_t label) {
  double sum = 0;
  for (size_t c = 0; c < row.size(); ++c) {
    const double gap = std::exp(row[c] - log_sum) - (c == label ? 1 : 0);
    sum += gap * gap;
  }
  return sum;
}

}  // namespace

Metrics evaluate(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes, uint64_t seed) {
  Metrics metrics;
  metrics.samples = checked_samples(logits, labels, classes);
  std::vector<double> right(labels.size());
  CalibrationBins bins;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = row_of(logits, i, classes);
    const auto label = static_cast<size_t>(labels[i]);
    const int64_t highest = predicted(row);
    const double log_sum = log_sum_exp(row);
    const bool is_right = highest == labels[i];
    right[i] = is_right ? 1 : 0;
    metrics.nll += log_sum - row[label];
    metrics.brier += brier_of(row, log_sum, label);
    bins.add(std::exp(row[static_cast<size_t>(highest)] - log_sum), is_right);
  }
  const auto samples = static_cast<double>(metrics.samples);
  metrics.accuracy = mean_sd(right).mean;
  metrics.accuracy_interval = bootstrap_mean(right, seed);
  metrics.nll /= samples;
  metrics.brier /= samples;
  metrics.ece = bins.error(metrics.samples);
  return metrics;
}

Metrics evaluate(const Predictions& predictions, int64_t member) {
  return evaluate(predictions.member(member), predictions.labels, predictions.classes);
}

std::vector<uint8_t> correct(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  checked_samples(logits, labels, classes);
  std::vector<uint8_t> out;
  for (size_t i = 0; i < labels.size(); ++i) {
    out.push_back(predicted(row_of(logits, i, classes)) == labels[i]);
  }
  return out;
}

MeanSd mean_sd(std::span<const double> values) {
  if (values.empty()) fail(kWhere, "no values to take the mean of");
  const auto count = static_cast<double>(values.size());
  MeanSd out;
  for (double value : values) out.mean += value;
  out.mean /= count;
  for (double value : values) out.sd += (value - out.mean) * (value - out.mean);
  out.sd = values.size() > 1 ? std::sqrt(out.sd / (count - 1)) : 0;
  return out;
}

}  // namespace retort
