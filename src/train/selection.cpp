#include "train/selection.h"

#include <algorithm>
#include <iterator>
#include <set>

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

// Those of the same data are the rest of its train: val and test stay what they are.
Unlabeled open_rest(const DataSet& data, const Samples& all_train) {
  const std::set<int64_t> taken(data.train.indices.begin(), data.train.indices.end());
  Unlabeled rest{data.spec, data.hash, {all_train.split, all_train.source, {}}};
  std::copy_if(all_train.indices.begin(), all_train.indices.end(), std::back_inserter(rest.samples.indices),
               [&](int64_t index) { return !taken.contains(index); });
  if (rest.samples.size() > 0) return rest;
  fail_usage("--unlabeled", data.spec,
             " is the data itself, and all of its train is used with labels; give --samples, ", "or other data");
}

struct Wanted {
  const std::string& spec;
  int64_t samples;
  bool skip_broken;
  int threads;
};

void add_unlabeled_samples(DataSet& data, const Samples& all_train, const Wanted& wanted, const Monitor& monitor) {
  if (wanted.spec.empty()) return;
  Unlabeled more = wanted.spec == data.spec ? open_rest(data, all_train) : open_unlabeled(wanted.spec);
  if (wanted.skip_broken) more.samples = without_broken(more.samples, resolve_threads(wanted.threads), monitor);
  more.samples = more.samples.subset(wanted.samples);
  add_unlabeled(data, more);
}

void check_not_empty(const DataSet& data) {
  if (data.train.size() == 0) fail(data.spec, "the split train has no samples; expected at least one");
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
  const Samples all_train = data.train;
  if (options.folds > 0) {
    set_fold(data, options);
  } else {
    data.train = data.train.subset(options.samples);
  }
  check_not_empty(data);
  if (options.bag > 0) data.train = bag_of(data.train, options.bag);
  if (options.distill) {
    const DistillOptions& d = *options.distill;
    add_unlabeled_samples(data, all_train, {d.unlabeled, d.unlabeled_samples, options.skip_broken, options.threads},
                          monitor);
  }
  return data;
}

DataSet select_samples(const LabelOptions& options, DataSet data, const Monitor& monitor) {
  if (options.skip_broken) data.train = without_broken(data.train, resolve_threads(options.threads), monitor);
  const Samples all_train = data.train;
  data.train = data.train.subset(options.samples);
  check_not_empty(data);
  add_unlabeled_samples(data, all_train,
                        {options.unlabeled, options.unlabeled_samples, options.skip_broken, options.threads}, monitor);
  return data;
}

LabelsInfo labels_info(const DataSet& data) {
  return {.data = data.spec,
          .data_hash = data.hash,
          .samples_hash = data.train.hash(),
          .unlabeled = data.unlabeled,
          .unlabeled_hash = data.unlabeled_hash,
          .split = data.train.split,
          .samples = data.train.size(),
          .classes = data.classes()};
}

}  // namespace retort
