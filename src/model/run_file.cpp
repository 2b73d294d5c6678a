#include "model/run_file.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "model/model_files.h"
#include "model/run_version.h"
#include "retort/weights.h"

namespace retort {

namespace {

void collect(const std::string& ref, std::map<fs::path, RunCost>& trainings) {
  if (is_hub_ref(ref)) return;
  const fs::path directory = resolve_model(ref);
  if (holds_ensemble(directory)) {
    for (const Ensemble::Member& member : load_ensemble(directory).members) {
      collect(full_ref(member.path, directory), trainings);
    }
    return;
  }
  const Json json = read_run_file(directory);
  if (json.is_null()) return;
  const fs::path run = run_of(directory);
  const std::string where = (run / "run.json").string();
  const fs::path of = json.contains("snapshot_of") ? get<std::string>(where, json, "snapshot_of") : ".";
  RunCost& cost = trainings[fs::weakly_canonical(run / of)];
  cost.train = std::max(cost.train, get<double>(where, json, "core_seconds"));
  if (json.contains("label_core_seconds")) {
    cost.label = std::max(cost.label, get<double>(where, json, "label_core_seconds"));
  }
}

}  // namespace

fs::path run_of(const fs::path& directory) {
  fs::path full = fs::absolute(directory).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();
  if (full.filename() == "best" && !is_there(full / "run.json") && is_there(full.parent_path() / "run.json")) {
    return full.parent_path();
  }
  return directory;
}

Json read_run_file(const fs::path& directory) {
  const fs::path file = run_of(directory) / "run.json";
  if (!is_there(file)) return nullptr;
  Json json = parse_json(file.string(), read_file(file));
  check_version(file.string(), json, "retort_run", kRunVersion);
  return json;
}

RunCost cost_of_runs(const std::vector<std::string>& refs) {
  std::map<fs::path, RunCost> trainings;
  for (const std::string& ref : refs) collect(ref, trainings);
  RunCost sum;
  for (const auto& [run, cost] : trainings) {
    sum.train += cost.train;
    sum.label += cost.label;
  }
  return sum;
}

void check_val_unseen(const fs::path& directory) {
  const Json json = read_run_file(directory);
  if (!json.contains("options") || !json["options"].contains("folds") || json["options"]["folds"] == 0) return;
  fail_usage(directory.string(), "is one of several folds and has learnt from most of val, which cannot judge it; use ",
             "the ensemble of all folds, in the directory above");
}

}  // namespace retort
