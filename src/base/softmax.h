/// \file softmax.h
/// The numbers behind softmax, in double and without overflow.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace retort {

/// Where the highest number of a row that is not empty stands, the first one on ties.
template <class Real>
int64_t highest_of(std::span<const Real> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

/// log sum_c exp(z_c) of a row of logits that is not empty.
template <class Real>
double log_sum_exp(std::span<const Real> row) {
  const double highest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const Real z : row) sum += std::exp(static_cast<double>(z) - highest);
  return highest + std::log(sum);
}

/// exp(z_c) / sum_k exp(z_k) of a row that is not empty.
template <class Real>
std::vector<double> softmax(std::span<const Real> row) {
  const double log_sum = log_sum_exp(row);
  std::vector<double> out;
  for (const Real z : row) out.push_back(std::exp(z - log_sum));
  return out;
}

}  // namespace retort
