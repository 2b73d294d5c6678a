#include "train/run_dir.h"

#include <torch/version.h>

#include <algorithm>

#include "base/file.h"
#include "base/machine.h"
#include "metrics/metrics_json.h"
#include "retort/zoo.h"
#include "train/checkpoint.h"
#include "train/options.h"
#include "train/schedule.h"
#include "weights/run_json.h"

#ifndef RETORT_VERSION
#define RETORT_VERSION "unknown"
#endif

namespace retort {

namespace {

// A training that was killed before its first checkpoint leaves an empty directory for it.
bool holds_nothing(const fs::path& run) {
  std::error_code error;
  const auto entries = fs::directory_iterator(run, error);
  if (error) fail(run.string(), "cannot look into it: ", error.message());
  return std::all_of(begin(entries), end(entries),
                     [](const auto& entry) { return entry.path().filename() == "checkpoint"; });
}

// Without the key: of a run that was finished before the key was written.
Interval interval_from_json(const std::string& where, const Json& json, const std::string& key) {
  if (!json.contains(key)) return {};
  const auto values = get<std::vector<double>>(where, json, key);
  if (values.size() != 2) fail(where, "'", key, "' has ", values.size(), " numbers; expected 2");
  return {values[0], values[1]};
}

Metrics metrics_from_json(const std::string& where, const Json& json) {
  Metrics m;
  m.samples = get<int64_t>(where, json, "samples");
  m.accuracy = get<double>(where, json, "accuracy");
  m.accuracy_interval = interval_from_json(where, json, "accuracy_interval");
  if (json.contains("top5_accuracy")) m.top5_accuracy = get<double>(where, json, "top5_accuracy");
  m.nll = get<double>(where, json, "nll");
  m.nll_interval = interval_from_json(where, json, "nll_interval");
  m.brier = get<double>(where, json, "brier");
  m.brier_interval = interval_from_json(where, json, "brier_interval");
  m.ece = get<double>(where, json, "ece");
  return m;
}

Json teachers_json(const std::vector<LabelsInfo::Teacher>& teachers) {
  Json out = Json::array();
  for (const LabelsInfo::Teacher& t : teachers) out.push_back({{"name", t.name}, {"path", t.path}, {"sha256", t.hash}});
  return out;
}

std::string text_of(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

Found look_into_run(const TrainOptions& options) {
  const fs::path run = options.out;
  std::error_code none;
  if (!is_there(run)) return Found::nothing;
  if (!fs::is_directory(run, none)) fail_usage(run.string(), "a file is in the way; choose another --out");
  const Found found = is_there(run / "run.json")       ? Found::finished
                      : is_there(checkpoint_path(run)) ? Found::checkpoint
                                                       : Found::nothing;
  if (options.resume) {
    if (found != Found::nothing || holds_nothing(run)) return found;
    fail_usage(run.string(), "has no checkpoint to go on from, and is not empty; choose another --out");
  }
  if (found == Found::finished) fail_usage(run.string(), "holds a finished run; choose another --out");
  if (found == Found::checkpoint) {
    fail_usage(run.string(), "holds an unfinished run; add --resume to go on with it, or choose another --out");
  }
  if (!fs::is_empty(run, none)) fail_usage(run.string(), "is not empty; choose a new directory as --out");
  return found;
}

void check_collection(const TrainOptions& options) {
  const fs::path out = options.out;
  std::error_code none;
  if (options.out.empty()) fail_usage("train --out", "no directory given; name one");
  if (!is_there(out)) return;
  if (!fs::is_directory(out, none)) fail_usage(out.string(), "a file is in the way; choose another --out");
  if (is_there(out / "config.json") || is_there(checkpoint_path(out))) {
    fail_usage(out.string(), "is a run directory; several runs need a directory of their own; choose another --out");
  }
  if (!options.resume && !fs::is_empty(out, none)) {
    fail_usage(out.string(), "is not empty; add --resume to go on with what was begun there, or choose another --out");
  }
}

std::vector<std::string> student_names(const std::vector<std::string>& models) {
  std::vector<std::string> names;
  for (size_t i = 0; i < models.size(); ++i) {
    const auto before = std::count(models.begin(), models.begin() + static_cast<std::ptrdiff_t>(i), models[i]);
    names.push_back(before > 0 ? str(models[i], "-", before + 1) : models[i]);
  }
  return names;
}

fs::path snapshot_path(const TrainOptions& options, int64_t epoch) {
  std::string number = str(epoch);  // as wide as the last one's, so that names sort
  number.insert(0, str(options.epochs).size() - number.size(), '0');
  return fs::path(options.out) / "snapshots" / ("epoch-" + number);
}

std::vector<std::string> snapshot_paths(const TrainOptions& options, int64_t epochs) {
  std::vector<std::string> paths;
  for (const int64_t epoch : snapshot_epochs(options)) {
    if (epoch <= epochs) paths.push_back(snapshot_path(options, epoch).string());
  }
  return paths;
}

ModelConfig make_config(const Graph& graph, const DataSet& data, const Preprocess& preprocess) {
  const Node& classifier = graph.nodes[static_cast<size_t>(graph.find(graph.classifier))];
  const Parameter& weight = graph.parameters[static_cast<size_t>(classifier.parameters.front())];
  const bool fixed = find_model(graph.architecture).fixed_input_size;
  return {.architecture = graph.architecture,
          .num_classes = graph.classes,
          .num_features = weight.shape.at(1),
          .preprocess = preprocess,
          .label_names = data.label_names,
          .first_conv = graph.first_conv,
          .classifier = graph.classifier,
          .distill_classifier = graph.distill_classifier,
          // Those are the transformers, which answer by their class token.
          .global_pool = fixed ? "token" : "",
          .fixed_input_size = fixed};
}

void write_model(const fs::path& directory, const ModelConfig& config, const Network& network,
                 const TrainResult& result) {
  write_config(directory, config);
  network.save(weights_path(directory), {{"format", "pt"}});
  write_file(directory / "metrics.json", text_of({{"val", metrics_json(result.val)},
                                                  {"best_epoch", result.best_epoch},
                                                  {"best_val_accuracy", result.best_val_accuracy}}));
}

void finish_run(const RunFile& run, const TrainResult& result) {
  Json json = {{"retort_run", kRunVersion},
               {"role", run.role},
               {"options", run.options},
               {"epochs", result.epochs},
               {"samples_per_epoch", result.samples_per_epoch},
               {"core_seconds", result.core_seconds},
               {"label_core_seconds", run.label_core_seconds},
               {"images_per_second", result.images_per_second},
               {"peak_memory", result.peak_memory},
               {"data_hash", run.data_hash},
               {"samples_hash", run.samples_hash},
               {"teachers", teachers_json(run.teachers)},
               {"precision", run.precision},
               {"versions", {{"retort", RETORT_VERSION}, {"libtorch", TORCH_VERSION}}},
               {"machine", machine_description()}};
  json.update(run.made);
  json["finished"] = true;
  write_file(run.directory / "run.json", text_of(json));
  std::error_code none;  // left behind, it does no harm
  fs::remove_all(checkpoint_path(run.directory).parent_path(), none);
}

TrainResult read_result(const TrainOptions& options) {
  const fs::path directory = options.out;
  const std::string run_file = (directory / "run.json").string(), metrics_file = (directory / "metrics.json").string();
  const Json run = read_run_json(directory);
  check_same_options(options.out, get<Json>(run_file, run, "options"), options_json(options));
  TrainResult r{.run = options.out};
  r.epochs = get<int64_t>(run_file, run, "epochs");
  r.samples_per_epoch = get<int64_t>(run_file, run, "samples_per_epoch");
  r.images_per_second = get<double>(run_file, run, "images_per_second");
  r.core_seconds = get<double>(run_file, run, "core_seconds");
  r.peak_memory = get<int64_t>(run_file, run, "peak_memory");
  const Json metrics = parse_json(metrics_file, read_file(metrics_file));
  r.val = metrics_from_json(metrics_file, get<Json>(metrics_file, metrics, "val"));
  r.best_epoch = get<int64_t>(metrics_file, metrics, "best_epoch");
  r.best_val_accuracy = get<double>(metrics_file, metrics, "best_val_accuracy");
  r.snapshots = snapshot_paths(options, r.epochs);
  return r;
}

}  // namespace retort
