#include <cmath>

#include "base/machine.h"
#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

std::vector<double> sum_blocks(int threads, int64_t count, size_t size,
                               const std::function<void(int64_t, int64_t, std::span<double>)>& fn) {
  constexpr int64_t kBlocks = 16;
  std::vector<double> parts(static_cast<size_t>(kBlocks) * size);
  parallel_for(threads, kBlocks, [&](int64_t b) {
    fn(b * count / kBlocks, (b + 1) * count / kBlocks, std::span(parts).subspan(static_cast<size_t>(b) * size, size));
  });
  for (size_t i = size; i < parts.size(); ++i) parts[i % size] += parts[i];
  parts.resize(size);
  return parts;
}

std::vector<double> log_sums(const MemberLogits& in, int threads) {
  std::vector<double> sums(static_cast<size_t>(in.members * in.samples));
  parallel_for(threads, in.samples, [&](int64_t i) {
    for (int64_t m = 0; m < in.members; ++m) sums[static_cast<size_t>(m * in.samples + i)] = log_sum_exp(in.row(m, i));
  });
  return sums;
}

namespace {

// Sums over samples of the NLL at the scale s and its first two derivatives; the label's logit is taken as 0.
std::vector<double> nll_at(const MemberLogits& in, std::span<const int64_t> labels, double s, int threads) {
  return sum_blocks(threads, in.samples, 3, [&](int64_t begin, int64_t end, std::span<double> sums) {
    for (int64_t i = begin; i < end; ++i) {
      const std::span<const float> row = in.row(0, i);
      const double own = row[static_cast<size_t>(labels[static_cast<size_t>(i)])];
      const double highest = *std::max_element(row.begin(), row.end()) - own;
      double total = 0, first = 0, second = 0;
      for (const float z : row) {
        const double d = z - own, p = std::exp(s * (d - highest));
        total += p, first += p * d, second += p * d * d;
      }
      first /= total;
      sums[0] += s * highest + std::log(total), sums[1] += first, sums[2] += second / total - first * first;
    }
  });
}

}  // namespace

// Newton's method on a convex function, kept inside a bracket of the root of the first derivative.
double fit_scale(const MemberLogits& in, std::span<const int64_t> labels, int threads) {
  double low = 0.01, high = 100, s = 1;
  for (int step = 0; step < 100; ++step) {
    const std::vector<double> sums = nll_at(in, labels, s, threads);
    if (sums[1] == 0) return s;  // flat: all classes alike, or labels that are certain
    (sums[1] > 0 ? high : low) = s;
    double next = s - sums[1] / sums[2];
    if (!(next > low && next < high)) next = std::sqrt(low * high);
    if (std::abs(next - s) <= 1e-10 * s) return next;
    s = next;
  }
  return s;
}

const Numbers& fitted_array(std::string_view where, const Fitted& fitted, const std::string& name, size_t rank) {
  const auto it = fitted.find(name);
  if (it == fitted.end()) fail(where, "its fitted numbers lack '", name, "'; fit it again");
  if (it->second.shape.size() != rank) {
    fail(where, "'", name, "' has ", it->second.shape.size(), " dimensions; expected ", rank);
  }
  return it->second;
}

void check_count(std::string_view where, const char* what, int64_t count, int64_t expected) {
  if (count != expected) fail(where, count, " ", what, "; fitted on ", expected);
}

}  // namespace retort
