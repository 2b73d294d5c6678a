/// \file views.h
/// The batches of a pass: the same views of the same samples, through each preprocessing that a network asks for.
#pragma once

#include <vector>

#include "retort/data.h"

namespace retort {

class Views {
 public:
  Views(Samples samples, LoaderOptions options) : samples_(std::move(samples)), options_(std::move(options)) {}

  /// Where the batches of this preprocessing will be. Those who ask for the same one share it.
  size_t add(const Preprocess& preprocess);
  const Samples& samples() const { return samples_; }
  const LoaderOptions& options() const { return options_; }

  /// Begins an epoch at batch `first`, as Loader::start does.
  void start(int64_t epoch, int64_t view, int64_t first = 0);
  /// Goes to the next batch; false at the end of the epoch.
  bool next();
  /// The present batch, valid until the next call of next or start. All differ in pixels alone.
  const Batch& batch(size_t place = 0) const { return *batches_[place]; }
  /// Batches in an epoch.
  int64_t batches() const { return loaders_.front().batches(); }
  double worker_cpu_seconds() const;

 private:
  Samples samples_;
  LoaderOptions options_;
  std::vector<Preprocess> preprocesses_;
  std::vector<Loader> loaders_;
  std::vector<const Batch*> batches_;
};

}  // namespace retort
