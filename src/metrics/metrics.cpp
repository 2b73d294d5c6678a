#include "retort/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/resample.h"
#include "metrics/scores.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "metrics";
constexpr int kResamples = 2000;

double share_of(int64_t part, int64_t whole) {
  if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(part) / static_cast<double>(whole);
}

void add_intervals(Metrics& metrics, std::span<const Score> all, uint64_t seed) {
  std::vector<double> accuracy, nll, brier;
  for (int r = 0; r < kResamples; ++r) {
    ScoreSums sums;
    resample(seed, r, all.size(), [&](size_t i) { sums.add(all[i]); });
    const Metrics m = sums.metrics();
    accuracy.push_back(m.accuracy);
    nll.push_back(m.nll);
    brier.push_back(m.brier);
  }
  metrics.accuracy_interval = percentile_interval(std::move(accuracy));
  metrics.nll_interval = percentile_interval(std::move(nll));
  metrics.brier_interval = percentile_interval(std::move(brier));
}

}  // namespace

Metrics evaluate(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes, uint64_t seed) {
  const std::vector<Score> all = scores(logits, labels, classes);
  Metrics metrics = metrics_of(all);
  add_intervals(metrics, all, seed);
  return metrics;
}

Metrics evaluate(const Predictions& predictions, int64_t member) {
  return evaluate(predictions.member(member), predictions.labels, predictions.classes);
}

Confusion confusion(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes) {
  const std::vector<int64_t> answers = predicted(logits, labels, classes);
  Confusion out{classes, std::vector<int64_t>(static_cast<size_t>(classes * classes))};
  for (size_t i = 0; i < answers.size(); ++i) ++out.counts[static_cast<size_t>(labels[i] * classes + answers[i])];
  return out;
}

std::vector<ClassMetrics> per_class(const Confusion& confusion) {
  if (confusion.classes < 1 || std::ssize(confusion.counts) != confusion.classes * confusion.classes) {
    fail(kWhere, confusion.counts.size(), " counts for ", confusion.classes, " classes; expected one a pair");
  }
  std::vector<ClassMetrics> out(static_cast<size_t>(confusion.classes));
  int64_t all = 0;
  for (int64_t label = 0; label < confusion.classes; ++label) {
    for (int64_t answer = 0; answer < confusion.classes; ++answer) {
      const int64_t count = confusion.at(label, answer);
      out[static_cast<size_t>(label)].samples += count;
      out[static_cast<size_t>(answer)].predicted += count;
      all += count;
    }
  }
  for (int64_t c = 0; c < confusion.classes; ++c) {
    ClassMetrics& m = out[static_cast<size_t>(c)];
    const int64_t right = confusion.at(c, c);
    m.recall = share_of(right, m.samples);
    m.precision = share_of(right, m.predicted);
    m.accuracy = share_of(all - (m.samples - right) - (m.predicted - right), all);
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
