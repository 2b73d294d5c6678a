/// \file validation.h
/// Networks in training, evaluated on val.
#pragma once

#include <vector>

#include "retort/metrics.h"
#include "retort/network.h"
#include "train/views.h"

namespace retort {

/// val's own images, in its order. Throws Error where it is empty.
Views plain_val(const DataSet& data, int workers);

/// Gathers what a network says of val, batch by batch.
class Validation {
 public:
  Validation(const ImageShape& size, int64_t classes) : size_(size), classes_(classes) {}
  void add(Network& network, const Batch& batch);
  /// Of all that was added; begins anew.
  Metrics metrics();

 private:
  ImageShape size_;
  int64_t classes_;
  std::vector<float> logits_;
  std::vector<int64_t> labels_;
};

}  // namespace retort
