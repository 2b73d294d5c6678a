#include <algorithm>

#include "base/file.h"
#include "base/machine.h"
#include "model/held_out.h"
#include "model/model_files.h"
#include "retort/network.h"
#include "retort/train_several.h"
#include "train/options.h"
#include "train/run_dir.h"
#include "train/selection.h"

namespace retort {

namespace {

std::vector<TrainOptions> jobs_of(const TrainOptions& options) {
  std::vector<TrainOptions> jobs(static_cast<size_t>(options.folds), options);
  for (size_t k = 0; k < jobs.size(); ++k) {
    jobs[k].fold = static_cast<int64_t>(k) + 1;
    jobs[k].out = (fs::path(options.out) / str("fold-", k + 1)).string();
  }
  return jobs;
}

void append(Predictions& all, const Predictions& part) {
  all.samples += part.samples;
  all.classes = part.classes;
  all.ids.insert(all.ids.end(), part.ids.begin(), part.ids.end());
  all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
  all.logits.insert(all.logits.end(), part.logits.begin(), part.logits.end());
}

// Each fold's samples, by the network that was trained without them.
Predictions predict_out_of_fold(const std::vector<TrainOptions>& jobs, const DataSet& data, const Monitor& monitor) {
  const fs::path out = fs::path(jobs.front().out).parent_path();
  Predictions all{.members = {model_name(out.string())}, .split = "val", .data_hash = data.hash};
  for (const TrainOptions& job : jobs) {
    const DataSet part = select_samples(job, data, monitor);
    Model model(job.out, {.device = job.device}, monitor);
    const Predictions p = predict(model, part, part.val, {}, monitor);
    if (p.samples < part.val.size()) fail(job.out, "stopped while predicting; go on with --resume");
    append(all, p);
  }
  return all;
}

void save_mean(const TrainOptions& options, const std::vector<TrainOptions>& jobs, const DataSet& data,
               const Metrics& out_of_fold) {
  Ensemble mean{.combiner = "mean_logits", .data = data.spec, .data_hash = data.hash};
  for (const TrainOptions& job : jobs) {
    mean.members.push_back({full_ref(job.out, fs::current_path()), weights_hash(job.out)});
  }
  mean.val_nll = out_of_fold.nll;
  mean.val_accuracy = out_of_fold.accuracy;
  save_ensemble(options.out, mean);
}

}  // namespace

FoldsResult train_folds(const TrainOptions& options, const Monitor& monitor) {
  if (options.folds < 2) fail_usage("train --folds", "'", options.folds, "' given; expected 2 or more");
  check_collection(options);
  const std::vector<TrainOptions> jobs = jobs_of(options);
  FoldsResult result{.runs = results_of(jobs, train_side_by_side(jobs, options.threads, monitor))};
  result.stopped = std::any_of(result.runs.begin(), result.runs.end(), [](const TrainResult& r) { return r.stopped; });
  if (result.stopped) return result;
  const fs::path kept = fs::path(options.out) / kOutOfFold;
  if (holds_ensemble(options.out)) {  // resumed when all was done
    result.out_of_fold = evaluate(load_predictions(kept));
    return result;
  }
  set_threads(resolve_threads(options.threads));
  const DataSet data = open_data(options.data);
  const Predictions all = predict_out_of_fold(jobs, data, monitor);
  result.out_of_fold = evaluate(all);
  save_predictions(kept, all);
  save_mean(options, jobs, data, result.out_of_fold);
  return result;
}

}  // namespace retort
