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

double check_same_answers(const std::string& where, const Predictions& original, const Predictions& exported,
                          bool probabilities) {
  double largest = 0;
  int64_t changed = 0;
  const auto classes = static_cast<size_t>(original.classes);
  for (int64_t i = 0; i < original.samples; ++i) {
    const auto row = [&](const Predictions& p) {
      return p.member(0).subspan(static_cast<size_t>(i) * classes, classes);
    };
    const std::vector<double> a = numbers(row(original), probabilities), b = numbers(row(exported), probabilities);
    for (size_t c = 0; c < classes; ++c) largest = std::max(largest, std::abs(a[c] - b[c]));
    changed += highest_of(row(original)) != highest_of(row(exported)) ? 1 : 0;
  }
  if (largest <= kLargestDifference && changed == 0) return largest;
  fail(where, "the exported file differs from the original: by up to ", largest, " (allowed ", kLargestDifference,
       "), and in ", changed, " of ", original.samples, " decisions; nothing was written; please report this");
}

}  // namespace retort
