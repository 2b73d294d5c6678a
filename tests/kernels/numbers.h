/// \file numbers.h
/// Numbers that kernels are tried on, and how near their results must come to float64's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/golden.h"

namespace retort::test {

/// In [-by, by), from the name alone.
inline std::vector<float> numbers(const std::string& name, int64_t count, float by = 1) {
  std::vector<float> out;
  for (const double u : unit(name, count)) out.push_back(by * static_cast<float>(u));
  return out;
}

template <class T>
void expect_near(const std::vector<T>& got, const std::vector<double>& expected, const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  double error = 0, size = 1;
  for (size_t i = 0; i < got.size(); ++i) {
    error = std::max(error, std::abs(static_cast<double>(got[i]) - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  EXPECT_LT(error, 2e-6 * size) << what;
}

}  // namespace retort::test
