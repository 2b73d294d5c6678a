#include <algorithm>

#include "cli/train_options.h"
#include "metrics/metrics_json.h"

namespace retort::cli {

namespace {

Json runs_json(const std::vector<TrainResult>& runs) {
  Json out = Json::array();
  for (const TrainResult& r : runs) {
    out.push_back({{"run", r.run}, {"train_core_seconds", r.core_seconds}, {"val", metrics_json(r.val)}});
  }
  return out;
}

std::string runs_text(const std::vector<TrainResult>& runs) {
  std::string text;
  for (const TrainResult& r : runs) {
    text += str(r.run, ": val accuracy ", percent(r.val.accuracy), ", NLL ", r.val.nll, "; ", duration(r.core_seconds),
                " of processor time\n");
  }
  return text;
}

bool any_stopped(const std::vector<TrainResult>& runs) {
  return std::any_of(runs.begin(), runs.end(), [](const TrainResult& r) { return r.stopped; });
}

}  // namespace

void run_diversified(Context& context, const std::string& spec, TrainOptions options) {
  add_common(context, options);
  const std::vector<TrainOptions> jobs = diversify(spec, options);
  const std::vector<TrainResult> runs = results_of(jobs, train_side_by_side(jobs, context.threads, context.monitor()));
  if (any_stopped(runs)) return stopped_training(context, options);
  const std::string out = shell_quote(options.out);
  context.result({{"members", runs_json(runs)}},
                 str(runs_text(runs), "next: ", context.program_typed, " ensemble --members ", out, "/* --data ",
                     shell_quote(options.data), " --out ", out, "-ensemble"));
}

void run_students(Context& context, const std::vector<std::string>& models, TrainOptions options) {
  add_common(context, options);
  const std::vector<TrainOptions> jobs = students_of(models, options);
  const std::vector<TrainResult> runs = results_of(jobs, train_in_one_pass(jobs, context.monitor()));
  if (any_stopped(runs)) return stopped_training(context, options);
  std::string next = str("\nnext: ", context.program_typed, " compare");
  for (const TrainResult& r : runs) next += " " + shell_quote(r.run);
  context.result(
      {{"students", runs_json(runs)}},
      str(runs_text(runs), "views and teacher's words were made once; each bears an equal part of their cost", next,
          " --data ", shell_quote(options.data)));
}

void run_folds(Context& context, TrainOptions options) {
  add_common(context, options);
  const FoldsResult r = train_folds(options, context.monitor());
  if (r.stopped) return stopped_training(context, options);
  context.result(
      {{"ensemble", options.out}, {"folds", runs_json(r.runs)}, {"out_of_fold", metrics_json(r.out_of_fold)}},
      str(runs_text(r.runs), options.out, ": out of fold accuracy ", percent(r.out_of_fold.accuracy), " [",
          percent(r.out_of_fold.accuracy_interval.low), ", ", percent(r.out_of_fold.accuracy_interval.high), "], NLL ",
          r.out_of_fold.nll, " on ", r.out_of_fold.samples, " samples\nnext: ", context.program_typed, " eval --model ",
          shell_quote(options.out), " --data ", shell_quote(options.data)));
}

}  // namespace retort::cli
