#include "cli/train_options.h"
#include "metrics/metrics_json.h"
#include "train/options.h"

namespace retort::cli {

void add_common(const Context& context, TrainOptions& options) {
  options.seed = context.seed;
  options.threads = context.threads;
  options.device = context.device;
}

void add_profile(CLI::App& verb, TrainOptions& options) {
  verb.add_flag("--profile", options.profile,
                "After some steps, print what each phase of a step and each step of the network's plan takes");
}

void stopped_training(Context& context, const TrainOptions& options) {
  context.stopped("Go on with: " + context.command_line + (options.resume ? "" : " --resume"));
}

namespace {

std::string next_command(const TrainResult& r, const TrainOptions& options) {
  const std::string run = shell_quote(r.run), data = shell_quote(options.data);
  if (r.snapshots.size() < 2) return str(" eval --model ", run, " --data ", data);
  const bool swa = options.schedule.starts_with("swa");
  return str(swa ? " soup --method uniform" : " ensemble", " --members ", run, "/snapshots/* --data ", data, " --out ",
             run, swa ? "-soup" : "-ensemble");
}

}  // namespace

void run_training(Context& context, TrainOptions options) {
  add_common(context, options);
  const TrainResult r = train(options, context.monitor());
  if (r.stopped) return stopped_training(context, options);
  const Json document = {{"run", r.run},
                         {"epochs", r.epochs},
                         {"samples_per_epoch", r.samples_per_epoch},
                         {"images_per_second", r.images_per_second},
                         {"train_core_seconds", r.core_seconds},
                         {"peak_memory", r.peak_memory},
                         {"best_epoch", r.best_epoch},
                         {"best_val_accuracy", r.best_val_accuracy},
                         {"calibrated", r.calibrated},
                         {"snapshots", r.snapshots},
                         {"val", metrics_json(r.val)}};
  const std::string left = r.snapshots.empty() ? "" : str("; ", r.snapshots.size(), " snapshots");
  context.result(
      document, str(r.run, ": val accuracy ", percent(r.val.accuracy), " [", percent(r.val.accuracy_interval.low), ", ",
                    percent(r.val.accuracy_interval.high), "], NLL ", r.val.nll, ", best epoch ", r.best_epoch,
                    " with ", percent(r.best_val_accuracy), "; ", static_cast<int64_t>(r.images_per_second),
                    " images/s, ", duration(r.core_seconds), " of processor time", left,
                    r.calibrated ? "\nits loss leaves the scale of logits open: a temperature was fitted on val and is "
                                   "kept with the run; the NLL above is without it"
                                 : "",
                    "\nnext: ", context.program_typed, next_command(r, options)));
}

void add_train(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>(TrainOptions{.model = ""});
  auto spec = std::make_shared<std::string>();
  CLI::App* verb =
      add_verb(app, context, "train", "Train one classifier from labels, or several", [&context, options, spec] {
        if (!spec->empty()) return run_diversified(context, *spec, *options);
        if (options->folds > 0) return run_folds(context, *options);
        run_training(context, *options);
      });
  add_fields(*verb, fields(*options));
  verb->get_option("--model")->description(
      "Backbone (see: retort list models); that of --pretrained where it is left out");
  verb->get_option("--out")->required();
  verb->get_option("--freeze")->delimiter(',');
  add_profile(*verb, *options);
  CLI::Option* diversify =
      verb->add_option("--diversify", *spec, "Members that differ, at --out/1, 2, ... (see: retort list diversities)");
  verb->add_option("--folds", options->folds, "K networks, each trained on train and val but for one of K folds")
      ->excludes(diversify);
}

}  // namespace retort::cli
