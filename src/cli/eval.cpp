#include <iomanip>

#include "cli/command.h"
#include "metrics/metrics_json.h"
#include "retort/model.h"
#include "retort/network.h"

namespace retort::cli {

namespace {

struct EvalOptions {
  std::vector<std::string> models;
  std::string data = "fashion-mnist", split = "test", precision = "f32";
  int64_t samples = 0, img_size = 0;
  bool skip_broken = false;
};

std::string metrics_line(const std::string& name, const Metrics& m) {
  std::ostringstream out;
  out << name << ": accuracy " << percent(m.accuracy) << " [" << percent(m.accuracy_interval.low) << ", "
      << percent(m.accuracy_interval.high) << "]" << std::fixed << std::setprecision(4) << ", NLL " << m.nll
      << ", Brier " << m.brier << ", ECE " << m.ece << " on " << m.samples << " samples";
  return out.str();
}

void run_eval(Context& context, const EvalOptions& options) {
  set_threads(context.threads_or_all());
  const DataSet data = open_data(options.data);
  const Monitor monitor = context.monitor();
  Samples samples = data.split(options.split);
  if (options.skip_broken) samples = without_broken(samples, context.threads_or_all(), monitor);
  samples = samples.subset(options.samples);
  Json results = Json::array();
  std::string text;
  for (const std::string& path : options.models) {
    Model model(path, {.device = context.device, .precision = options.precision, .img_size = options.img_size},
                monitor);
    const Predictions members = predict(model, data, samples, {}, monitor);
    if (interrupted()) return context.stopped("Start again with: " + context.command_line);
    const Predictions p = combine(model.combiner(), members, model.name());
    const Metrics m = evaluate(p.logits, p.labels, p.classes, context.seed);
    Json row = {{"model", path}, {"data", options.data}, {"split", options.split}};
    row.update(metrics_json(m));
    results.push_back(row);
    text += (text.empty() ? "" : "\n") + metrics_line(path, m);
  }
  context.result({{"results", results}}, text);
}

}  // namespace

void add_eval(CLI::App& app, Context& context) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* verb = add_verb(app, context, "eval", "Accuracy, NLL, Brier and ECE, with a 95% interval",
                            [&context, options] { run_eval(context, *options); });
  verb->add_option("--model", options->models, "Run directories and ensembles")->required();
  verb->add_option("--data", options->data, "Data set")->capture_default_str();
  verb->add_option("--split", options->split, "train, val, test, or all of a folder")->capture_default_str();
  verb->add_option("--samples", options->samples, "A fixed subset of this many samples; 0 is all")
      ->capture_default_str();
  verb->add_flag("--skip-broken", options->skip_broken, kSkipBrokenHelp);
  verb->add_option("--precision", options->precision, "f32, bf16 or auto")->capture_default_str();
  verb->add_option("--img-size", options->img_size, "Side of the images that models see; 0: what each was trained at")
      ->check(CLI::Range(0, 8192))
      ->capture_default_str();
}

}  // namespace retort::cli
