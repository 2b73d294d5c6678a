/// \file train_several.h
/// Several trainings asked for together: side by side or in one pass, members that differ, folds, and soups of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retort/train.h"

namespace retort {

/// What became of one of several trainings: a result, or why there is none.
struct TrainOutcome {
  std::optional<TrainResult> result;
  std::optional<Error> error;
};

/// Independent trainings, as many at a time as there are threads, each with an equal share of them in place of its own
/// `threads`; 0 threads are all usable cores. One that fails leaves the others alone. Outcomes are in the order of
/// `jobs`; one that the monitor kept from beginning counts as stopped. Jobs that should go on where an earlier call
/// left them ask for `resume`. Throws a usage error where two have the same `out`.
std::vector<TrainOutcome> train_side_by_side(std::vector<TrainOptions> jobs, int threads, const Monitor& monitor = {});

/// Students, or members, that share one pass over the data: each view is decoded once, a teacher is asked once for all.
/// They may differ in all but data, samples, batch, seeds of order and views, augmentation, teacher, device and
/// threads; those that are alike but for chance differ in `weight_seed`. As many make their step at a time as there are
/// threads, with an equal share of them each, by the number of all `students`; with as many threads as it has here,
/// each gives bit for bit what it gives alone. A live teacher has the threads of one of them. What is done once is
/// counted to `core_seconds` of each in equal parts. One that fails in training leaves the others alone; the outcomes
/// are theirs, in order. With `resume` those that are finished stay as they are. Throws as train() does on what is
/// wrong before the first step, and a usage error where they do not agree.
std::vector<TrainOutcome> train_in_one_pass(std::vector<TrainOptions> students, const Monitor& monitor = {});

/// Students for one pass, one for each backbone: each at `base.out`/MODEL, one that comes again at MODEL-2, MODEL-3,
/// ... with other initial weights. Throws a usage error where `base.out` holds something else.
std::vector<TrainOptions> students_of(const std::vector<std::string>& models, const TrainOptions& base);

/// All results. Throws Error, a usage error where all causes are, that names each training that failed and why.
std::vector<TrainResult> results_of(const std::vector<TrainOptions>& jobs, const std::vector<TrainOutcome>& outcomes);

/// Members that differ: trainings at `base.out`/1, 2, ... that `spec`, such as `bagging:count=5`, makes of `base`.
/// Seeds count up from base.seed in all of them. For `backbones`, base.model is a list with commas. Throws a usage
/// error.
std::vector<TrainOptions> diversify(const std::string& spec, const TrainOptions& base);
std::vector<ListedItem> list_diversities();

/// What cross-validation gave: K runs, and what each says of the samples that it has not seen.
struct FoldsResult {
  std::vector<TrainResult> runs;
  Metrics out_of_fold;  ///< of every sample of train and val, judged by the network that has not seen it
  bool stopped = false;
};
/// For little data: trains `options.folds` networks side by side at `out`/fold-K, each on train and val without one
/// fold, then writes `out`/out_of_fold (their predictions of the folds left out, split "val") and `out`/ensemble.json,
/// the mean of their logits. The fold of a sample is a fixed hash of its id. With `resume` goes on where it was. Throws
/// as train() does, and a usage error on fewer than two folds.
FoldsResult train_folds(const TrainOptions& options, const Monitor& monitor = {});

/// Averages weights of runs of one architecture (Wortsman et al. 2022) into a run. Batch norm statistics are those of
/// the averaged weights on training samples, as PyTorch's update_bn makes them.
struct SoupOptions {
  std::vector<std::string> members;  ///< runs, in the order that `ema` takes them
  std::string method = "greedy";     ///< spec, see list_soups()
  std::string data = "fashion-mnist";
  int64_t samples = 0;           ///< the same fixed subset of train as in training; 0 is all
  int64_t bn_samples = 0;        ///< of those, a fixed subset that batch norms are computed on; 0 is all
  bool skip_broken = false;      ///< as in training
  int64_t batch = 128;           ///< as in training
  std::string augment = "auto";  ///< as in training
  std::string precision = "auto";
  std::string device = "cpu";
  int threads = 0;
  uint64_t seed = 0;  ///< of order and views
  std::string out;    ///< run directory; must be new
};
struct SoupResult {
  std::string run;
  std::vector<double> weights;  ///< of each member, of sum 1; 0 where it was left out
  Metrics val;
  double core_seconds = 0;  ///< of the members' trainings and of averaging
};
/// Judges on val only. Throws a usage error on fewer than two members, members of different networks, classes or
/// preprocessing, and those that were trained on val; Error where the monitor stops it, and then nothing is written.
SoupResult make_soup(const SoupOptions& options, const Monitor& monitor = {});
std::vector<ListedItem> list_soups();

}  // namespace retort
