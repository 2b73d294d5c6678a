#include "ship/check.h"

#include <algorithm>
#include <cmath>

#include "base/softmax.h"

namespace retort {

namespace {

constexpr double kLargestDifference = 1e-3;

std::vector<double> numbers(std::span<const float> row, bool probabilities) {
  return probabilities ? softmax(row) : std::vector<double>(row.begin(), row.end());
}

}  // namespace

Predictions answers(Model& model, const Samples& samples, const Monitor& monitor) {
  const Predictions members = predict(model, samples, {}, monitor);
  if (members.samples < samples.size()) fail("export", "stopped while running ", model.path(), "; nothing was written");
  return combine(model.combiner(), members, model.path());
}

Difference difference(const Predictions& original, const Predictions& exported, bool probabilities) {
  Difference found;
  const auto classes = static_cast<size_t>(original.classes);
  for (int64_t i = 0; i < original.samples; ++i) {
    const auto row = [&](const Predictions& p) {
      return p.member(0).subspan(static_cast<size_t>(i) * classes, classes);
    };
    const std::vector<double> a = numbers(row(original), probabilities), b = numbers(row(exported), probabilities);
    for (size_t c = 0; c < classes; ++c) found.largest = std::max(found.largest, std::abs(a[c] - b[c]));
    found.changed += highest_of(row(original)) != highest_of(row(exported)) ? 1 : 0;
  }
  return found;
}

double check_same_answers(const std::string& where, const Predictions& original, const Predictions& exported,
                          bool probabilities) {
  const auto [largest, changed] = difference(original, exported, probabilities);
  if (largest <= kLargestDifference && changed == 0) return largest;
  fail(where, "the exported file differs from the original: by up to ", largest, " (allowed ", kLargestDifference,
       "), and in ", changed, " of ", original.samples, " decisions; nothing was written; please report this");
}

}  // namespace retort
