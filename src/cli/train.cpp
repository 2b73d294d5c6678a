#include "cli/train_options.h"
#include "metrics/metrics_json.h"

namespace retort::cli {

void add_train_options(CLI::App& verb, TrainOptions& o) {
  const auto add = [&verb](const std::string& flag, auto& value, const std::string& help) {
    return verb.add_option(flag, value, help)->capture_default_str();
  };
  add("--data", o.data, "Data set (see: retort list data)");
  add("--out", o.out, "Run directory to make")->required();
  add("--samples", o.samples, "Train on a fixed subset of this many samples; 0 is all");
  add("--epochs", o.epochs, "Times through the samples");
  add("--batch", o.batch, "Images a step");
  add("--pretrained", o.pretrained, "Weights to go on from: a run, a directory of timm's, or a name of the hub");
  verb.add_option("--freeze", o.freeze, "Modules that do not learn, by timm's names, such as conv1,bn1,layer1")
      ->delimiter(',');
  verb.add_flag("--freeze-bn", o.freeze_bn, "Batch norms keep their statistics, weights and biases");
  add("--layer-decay", o.layer_decay, "Each layer learns this much slower than the next one, such as 0.75; 1 is off");
  add("--head-lr-scale", o.head_lr_scale, "Factor of the classifier's learning rate");
  add("--optimizer", o.optimizer, "sgd (Nesterov momentum) or adamw");
  add("--lr", o.lr, "Peak learning rate; about 0.1 for sgd, 0.002 for adamw");
  add("--momentum", o.momentum, "Of sgd");
  add("--weight-decay", o.weight_decay, "Not on norms and biases");
  add("--warmup-epochs", o.warmup_epochs, "Linear warm-up before the cosine");
  add("--label-smoothing", o.label_smoothing, "Share of the label spread over all classes");
  add("--clip-grad", o.clip_grad, "Largest norm of all gradients; 0 is off");
  add("--ema", o.ema, "Decay of averaged weights, such as 0.999; 0 is off");
  add("--augment", o.augment, "Augmentations (see: retort list augmentations); empty is none, auto goes by the data");
  add("--img-size", o.img_size, "Side of the images it sees; 0: the data's, or the backbone's where images differ");
  add("--views", o.views, "Cycle through this many views of each sample; 0: a new view every epoch");
  add("--view-seed", o.view_seed, "Seed of the views, apart from --seed so that several seeds see the same");
  add("--precision", o.precision, "auto, f32 or bf16; auto is bf16 for nets of dense convolutions where it is fast");
  add("--checkpoint-seconds", o.checkpoint_seconds, "Between two checkpoints; one is also made at every epoch's end");
  verb.add_flag("--skip-broken", o.skip_broken, kSkipBrokenHelp);
  verb.add_flag("--resume", o.resume, "Go on from the checkpoint in --out");
}

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
  verb->add_option("--model", options->model,
                   "Backbone (see: retort list models); that of --pretrained where it is left out");
  add_train_options(*verb, *options);
}

}  // namespace retort::cli
