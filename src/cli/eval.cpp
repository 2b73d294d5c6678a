#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <set>

#include "cli/cascade_report.h"
#include "metrics/metrics_json.h"
#include "model/held_out.h"
#include "retort/model.h"
#include "retort/network.h"

namespace retort::cli {

namespace {

namespace fs = std::filesystem;

struct EvalOptions {
  std::vector<std::string> models;
  std::string data = "fashion-mnist", split = "test", precision = "f32", predictions;
  int64_t samples = 0, img_size = 0;
  bool skip_broken = false, per_class = false;
  ViewsOptions views;
};

std::string metrics_line(const std::string& name, const Metrics& m) {
  std::ostringstream out;
  out << name << ": accuracy " << percent(m.accuracy) << " [" << percent(m.accuracy_interval.low) << ", "
      << percent(m.accuracy_interval.high) << "]" << std::fixed << std::setprecision(4) << ", NLL " << m.nll
      << ", Brier " << m.brier << ", ECE " << m.ece << " on " << m.samples << " samples";
  return out.str();
}

std::string class_name(const std::vector<std::string>& names, size_t c) { return names.empty() ? str(c) : names[c]; }

// A share of nothing is null.
Json share_json(double share) { return std::isfinite(share) ? Json(share) : Json(nullptr); }

Json per_class_json(const Confusion& c, const std::vector<std::string>& names) {
  Json rows = Json::array();
  for (const ClassMetrics& m : per_class(c)) {
    rows.push_back({{"label", class_name(names, rows.size())},
                    {"samples", m.samples},
                    {"predicted", m.predicted},
                    {"recall", share_json(m.recall)},
                    {"precision", share_json(m.precision)}});
  }
  return rows;
}

Json confusion_json(const Confusion& c) {
  Json rows = Json::array();
  for (auto row = c.counts.begin(); row != c.counts.end(); row += c.classes) {
    rows.push_back(std::vector<int64_t>(row, row + c.classes));
  }
  return rows;
}

// The classes with the lowest recall first, and what each is taken for most often.
std::string per_class_text(const Confusion& c, const std::vector<std::string>& names) {
  const std::vector<ClassMetrics> classes = per_class(c);
  std::vector<size_t> order(classes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return classes[a].recall < classes[b].recall; });
  std::string text;
  for (const size_t k : order) {
    if (classes[k].samples == 0) continue;
    text += str("\n  ", class_name(names, k), ": recall ", percent(classes[k].recall), " of ", classes[k].samples);
    if (classes[k].predicted > 0) text += ", precision " + percent(classes[k].precision);
    size_t other = k == 0 ? 1 : 0;
    const auto taken_for = [&](size_t p) { return c.at(static_cast<int64_t>(k), static_cast<int64_t>(p)); };
    for (size_t p = 0; p < classes.size(); ++p) {
      if (p != k && taken_for(p) > taken_for(other)) other = p;
    }
    if (taken_for(other) > 0) text += str("; ", taken_for(other), " taken for ", class_name(names, other));
  }
  return text;
}

// Each model's predictions lie under its name.
void check_names(const EvalOptions& options) {
  std::set<std::string> names;
  for (const std::string& model : options.models) {
    if (options.predictions.empty() || names.insert(model_name(model)).second) continue;
    fail_usage("--predictions", "two models are called ", model_name(model), "; evaluate them one after the other");
  }
}

// What a model answers, and of a cascade what its members do.
struct Answers {
  Predictions combined, members;
};

Answers answers_of(Model& model, const Samples& samples, const ViewsOptions& views, const Monitor& monitor) {
  if (!model.is_cascade()) return {predict_views(model, samples, views, monitor), {}};
  Predictions members = predict(model, samples, {}, monitor);
  if (members.samples < samples.size()) return {};
  if (views.views > 1) return {predict_views(model, samples, views, monitor), std::move(members)};
  return {combine(model.combiner(), members, model.name()), std::move(members)};
}

Json result_json(const EvalOptions& options, const std::string& path, const Metrics& metrics, const Confusion& c,
                 const std::vector<std::string>& label_names) {
  Json row = {{"model", path}, {"data", options.data}, {"split", options.split}};
  row.update(metrics_json(metrics));
  row["per_class"] = per_class_json(c, label_names);
  row["confusion"] = confusion_json(c);
  return row;
}

void run_eval(Context& context, const EvalOptions& options) {
  set_threads(context.threads_or_all());
  const DataSet data = open_data(options.data);
  const Monitor monitor = context.monitor();
  ViewsOptions views = options.views;
  views.seed = context.seed;
  Samples samples = data.split(options.split);
  if (options.skip_broken) samples = without_broken(samples, context.threads_or_all(), monitor);
  samples = samples.subset(options.samples);
  check_names(options);
  Json results = Json::array();
  std::string text;
  const ModelOptions model_options{context.device, options.precision, options.img_size};
  for (const std::string& path : options.models) {
    Model model(path, model_options, monitor);
    model.check_fits(data);
    if (options.split != "test" && trained_by_folds(resolve_model(path))) {
      context.say(path + ": its networks have seen this split; what they say out of fold is in its ensemble.json");
    }
    auto [p, members] = answers_of(model, samples, views, monitor);
    if (interrupted()) return context.stopped("Start again with: " + context.command_line);
    p.data_hash = data.hash;
    if (!options.predictions.empty()) save_predictions(fs::path(options.predictions) / model.name(), p);
    const Metrics m = evaluate(p.logits, p.labels, p.classes, context.seed);
    const Confusion c = confusion(p.logits, p.labels, p.classes);
    results.push_back(result_json(options, path, m, c, data.label_names));
    text += (text.empty() ? "" : "\n") + metrics_line(path, m);
    if (model.is_cascade()) {
      const CascadeReport report = report_cascade(context, model, members, samples, model_options);
      results.back()["cascade"] = cascade_report_json(report);
      text += cascade_report_text(report);
    }
    if (options.per_class) text += per_class_text(c, data.label_names);
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
  verb->add_option("--predictions", options->predictions,
                   "Directory to keep each model's logits in, for tools of your own (docs/formats.md)");
  verb->add_flag("--per-class", options->per_class, "Each class's recall and precision, too (--json always has them)");
  add_views_options(*verb, options->views);
}

}  // namespace retort::cli
