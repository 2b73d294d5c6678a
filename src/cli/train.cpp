#include "cli/train_options.h"
#include "metrics/metrics_json.h"
#include "train/options.h"

namespace retort::cli {

void run_training(Context& context, TrainOptions options) {
  options.seed = context.seed;
  options.threads = context.threads;
  options.device = context.device;
  const TrainResult r = train(options, context.monitor());
  if (r.stopped) return context.stopped("Go on with: " + context.command_line + (options.resume ? "" : " --resume"));
  const Json document = {{"run", r.run},
                         {"epochs", r.epochs},
                         {"samples_per_epoch", r.samples_per_epoch},
                         {"images_per_second", r.images_per_second},
                         {"train_core_seconds", r.core_seconds},
                         {"peak_memory", r.peak_memory},
                         {"best_epoch", r.best_epoch},
                         {"best_val_accuracy", r.best_val_accuracy},
                         {"val", metrics_json(r.val)}};
  const std::string run = shell_quote(r.run), data = shell_quote(options.data);
  context.result(
      document, str(r.run, ": val accuracy ", percent(r.val.accuracy), " [", percent(r.val.accuracy_interval.low), ", ",
                    percent(r.val.accuracy_interval.high), "], NLL ", r.val.nll, ", best epoch ", r.best_epoch,
                    " with ", percent(r.best_val_accuracy), "; ", static_cast<int64_t>(r.images_per_second),
                    " images/s, ", duration(r.core_seconds), " of processor time\nnext: ", context.program_typed,
                    " eval --model ", run, " --data ", data));
}

void add_train(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>(TrainOptions{.model = ""});
  CLI::App* verb = add_verb(app, context, "train", "Train one classifier from labels",
                            [&context, options] { run_training(context, *options); });
  add_fields(*verb, fields(*options));
  verb->get_option("--model")->description(
      "Backbone (see: retort list models); that of --pretrained where it is left out");
  verb->get_option("--out")->required();
  verb->get_option("--freeze")->delimiter(',');
}

}  // namespace retort::cli
