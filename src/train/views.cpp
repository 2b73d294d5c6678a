#include "train/views.h"

#include <algorithm>

namespace retort {

size_t Views::add(const Preprocess& preprocess) {
  const auto found = std::find(preprocesses_.begin(), preprocesses_.end(), preprocess);
  const auto place = static_cast<size_t>(found - preprocesses_.begin());
  if (found == preprocesses_.end()) {
    preprocesses_.push_back(preprocess);
    loaders_.emplace_back(samples_, preprocess, options_);
    batches_.push_back(nullptr);
  }
  return place;
}

void Views::start(int64_t epoch, int64_t view, int64_t first) {
  for (Loader& loader : loaders_) loader.start(epoch, view, first);
}

bool Views::next() {
  for (size_t i = 0; i < loaders_.size(); ++i) batches_[i] = loaders_[i].next();
  return batches_.front() != nullptr;
}

double Views::worker_cpu_seconds() const {
  double sum = 0;
  for (const Loader& loader : loaders_) sum += loader.worker_cpu_seconds();
  return sum;
}

}  // namespace retort
