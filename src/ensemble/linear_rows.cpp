#include <array>

#include "ensemble/linear.h"

namespace retort {

namespace {

// out += sum_k factors[k] * rows[k]: four at a time, or memory would be what is waited for.
void add_four(double* __restrict out, const std::array<const double*, 4>& rows, const std::array<double, 4>& factors,
              size_t n) {
  const double *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  const double x = factors[0], y = factors[1], z = factors[2], w = factors[3];
  for (size_t i = 0; i < n; ++i) out[i] += x * a[i] + y * b[i] + (z * c[i] + w * d[i]);
}

// Calls add(rows, factors) for all of [0, count), four at a time; what lacks at the end counts 0 times.
template <class Row, class Factor, class Add>
void by_four(size_t count, const Row& row, const Factor& factor, const Add& add) {
  for (size_t k = 0; k < count; k += 4) {
    std::array<const double*, 4> rows;
    std::array<double, 4> factors{};
    for (size_t j = 0; j < 4; ++j) {
      rows[j] = row(k + j < count ? k + j : k);
      if (k + j < count) factors[j] = factor(k + j);
    }
    add(rows, factors);
  }
}

}  // namespace

LinearRows::LinearRows(const LinearLayout& layout)
    : layout_(layout),
      classes_(static_cast<size_t>(layout.classes)),
      features_(kRows * layout.features()),
      logits_(kRows * classes_) {}

void LinearRows::load(const MemberLogits& in, std::span<const double> log_sums, std::span<const double> centres,
                      std::span<const int64_t> samples) {
  rows_ = samples.size();
  for (size_t r = 0; r < rows_; ++r) {
    double* to = features(r);
    for (int64_t m = 0; m < in.members; ++m) {
      const std::span<const float> row = in.row(m, samples[r]);
      const double log_sum = log_sums[static_cast<size_t>(m * in.samples + samples[r])];
      const double centre = centres[static_cast<size_t>(m)];
      for (const float z : row) *to++ = std::max(z - log_sum, kLowestLogProbability) - centre;
    }
  }
}

void LinearRows::forward(std::span<const double> theta) {
  const size_t features_count = layout_.features();
  for (size_t r = 0; r < rows_; ++r) {
    const std::span<double> z = logits(r);
    std::copy_n(theta.data() + layout_.weights(), classes_, z.begin());
    if (layout_.cross) continue;
    const double* x = features(r);
    for (size_t f = 0; f < features_count; f += classes_) {
      for (size_t c = 0; c < classes_; ++c) z[c] += theta[f + c] * x[f + c];
    }
  }
  if (!layout_.cross) return;
  constexpr size_t kBlock = 8;  // features whose weights stay in the cache while the rows pass
  for (size_t begin = 0; begin < features_count; begin += kBlock) {
    const size_t count = std::min(kBlock, features_count - begin);
    for (size_t r = 0; r < rows_; ++r) {
      by_four(
          count, [&](size_t k) { return theta.data() + (begin + k) * classes_; },
          [&](size_t k) { return features(r)[begin + k]; },
          [&](const auto& rows, const auto& factors) { add_four(logits(r).data(), rows, factors, classes_); });
    }
  }
}

void LinearRows::backward(std::span<double> gradient) {
  double* bias = gradient.data() + layout_.weights();
  for (size_t r = 0; r < rows_; ++r) {
    for (size_t c = 0; c < classes_; ++c) bias[c] += logits(r)[c];
  }
  const size_t features_count = layout_.features();
  if (!layout_.cross) {
    for (size_t r = 0; r < rows_; ++r) {
      const double* x = features(r);
      const double* slope = logits(r).data();
      for (size_t f = 0; f < features_count; f += classes_) {
        for (size_t c = 0; c < classes_; ++c) gradient[f + c] += slope[c] * x[f + c];
      }
    }
    return;
  }
  for (size_t f = 0; f < features_count; ++f) {
    by_four(
        rows_, [&](size_t r) { return logits(r).data(); }, [&](size_t r) { return features(r)[f]; },
        [&](const auto& rows, const auto& factors) {
          add_four(gradient.data() + f * classes_, rows, factors, classes_);
        });
  }
}

}  // namespace retort
