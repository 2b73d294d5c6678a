/// \file validation.h
/// A network in training, evaluated on val.
#pragma once

#include <vector>

#include "retort/data.h"
#include "retort/metrics.h"
#include "retort/network.h"

namespace retort {

class Validation {
 public:
  /// Throws Error where val is empty.
  Validation(const DataSet& data, const Preprocess& preprocess, int workers);
  Metrics evaluate(Network& network);

 private:
  ImageShape size_;
  int64_t classes_;
  Loader loader_;
  std::vector<float> logits_;
  std::vector<int64_t> labels_;
};

}  // namespace retort
