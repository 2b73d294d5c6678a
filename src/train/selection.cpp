#include "train/selection.h"

#include <algorithm>

#include "base/hash.h"
#include "base/machine.h"
#include "base/random.h"
#include "train/options.h"

namespace retort {

namespace {

// Train and val are parts of one source, whatever the kind of data.
Samples together(const Samples& train, const Samples& val) {
  Samples all = train;
  all.indices.insert(all.indices.end(), val.indices.begin(), val.indices.end());
  std::sort(all.indices.begin(), all.indices.end());
  return all;
}

void set_fold(DataSet& data, const TrainOptions& options) {
  const Samples all = together(data.train, data.val).subset(options.samples);
  data.train.indices.clear();
  data.val.indices.clear();
  for (int64_t i = 0; i < all.size(); ++i) {
    const bool left_out = fold_of(all.id(i), options.folds) == options.fold;
    (left_out ? data.val : data.train).indices.push_back(all.indices[static_cast<size_t>(i)]);
  }
  if (data.val.size() > 0) return;
  fail_usage(verb_of(options) + " --folds", "fold ", options.fold, " of ", options.folds, " is empty: ", all.size(),
             " samples are too few; give fewer folds");
}

}  // namespace

int64_t fold_of(uint64_t id, int64_t folds) {
  const auto count = static_cast<uint64_t>(folds);
  return 1 + static_cast<int64_t>(stream(0, Purpose::split, id, count).below(count));
}

Samples bag_of(const Samples& samples, uint64_t seed) {
  Rng rng = stream(seed, Purpose::bootstrap, fnv1a("bag"));
  Samples bag = samples;
  const auto count = static_cast<uint64_t>(samples.size());
  for (int64_t& index : bag.indices) index = samples.indices[rng.below(count)];
  std::sort(bag.indices.begin(), bag.indices.end());
  return bag;
}

DataSet select_samples(const TrainOptions& options, DataSet data, const Monitor& monitor) {
  if (options.skip_broken) {
    for (Samples* samples : {&data.train, &data.val}) {
      *samples = without_broken(*samples, resolve_threads(options.threads), monitor);
    }
  }
  if (options.folds > 0) {
    set_fold(data, options);
  } else {
    data.train = data.train.subset(options.samples);
  }
  if (data.train.size() == 0) fail(data.spec, "the split train has no samples; expected at least one");
  if (options.bag > 0) data.train = bag_of(data.train, options.bag);
  return data;
}

}  // namespace retort
