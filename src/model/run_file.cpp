#include "model/run_file.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "model/model_files.h"
#include "retort/weights.h"
#include "weights/run_json.h"

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
  const Json json = read_run_json(directory);
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
  const Json json = read_run_json(directory);
  if (!json.contains("options") || !json["options"].contains("folds") || json["options"]["folds"] == 0) return;
  fail_usage(directory.string(), "is one of several folds and has learnt from most of val, which cannot judge it; use ",
             "the ensemble of all folds, in the directory above");
}

}  // namespace retort
