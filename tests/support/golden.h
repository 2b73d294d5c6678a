/// \file golden.h
/// Weights and inputs that anyone can rebuild from names alone: the rule that tests/golden/*.json quote.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/random.h"

namespace retort::test {

/// n numbers in [-1, 1), exact in float32: splitmix64 counted up from the name's FNV-1a.
inline std::vector<double> unit(std::string_view name, int64_t n) {
  std::vector<double> values(static_cast<size_t>(n));
  uint64_t state = fnv1a(name);
  for (double& v : values) v = static_cast<double>(mix64(state += 0x9E3779B97F4A7C15ull) >> 40) * 0x1p-23 - 1;
  return values;
}

/// The file `name` of tests/golden.
inline Json read_golden(const std::string& name) {
  return parse_json(name, read_file(std::string(RETORT_GOLDEN "/") + name));
}

/// What timm.json fills the tensor (or the image batch "input") called `name` with.
inline std::vector<float> fill(std::string_view name, const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  double offset = 0, scale = 0.1;
  if (name == "input") {
    scale = 1;
  } else if (name.ends_with("cls_token") || name.ends_with("pos_embed")) {
    scale = 0.02;
  } else if (shape.size() >= 2) {
    scale = std::sqrt(3 / (static_cast<double>(n) / static_cast<double>(shape[0])));
  } else if (name.ends_with("running_var")) {
    offset = 1, scale = 0.5;
  } else if (name.ends_with("gamma")) {
    offset = 0.5;
  } else if (name.ends_with("weight")) {
    offset = 1;
  } else if (name.ends_with("num_batches_tracked")) {
    scale = 0;
  }
  std::vector<float> values;
  values.reserve(static_cast<size_t>(n));
  for (double u : unit(name, n)) values.push_back(static_cast<float>(offset + scale * u));
  return values;
}

}  // namespace retort::test
