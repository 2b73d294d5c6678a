#include "report/run_facts.h"

#include <algorithm>

#include "base/file.h"
#include "model/model_files.h"
#include "model/run_file.h"
#include "retort/ensemble.h"
#include "retort/weights.h"
#include "weights/run_json.h"

namespace retort {

namespace {

// "kd T=3 alpha=0.7", or "... int8"; the loss shows as it was given.
std::string method_of(const std::string& where, const Json& distill) {
  auto text = get<std::string>(where, distill, "loss");
  const bool has_temperature = text.find("temperature=") != std::string::npos;
  for (size_t at; (at = text.find(":temperature=")) != std::string::npos;) text.replace(at, 13, " T=");
  std::replace(text.begin(), text.end(), ':', ' ');
  const Json temperature = get<Json>(where, distill, "temperature");
  if (!has_temperature && !temperature.is_null()) text += str(" T=", get<double>(where, distill, "temperature"));
  text += str(" alpha=", get<double>(where, distill, "alpha"));
  const std::string quantize = distill.contains("quantize") ? get<std::string>(where, distill, "quantize") : "";
  return quantize.empty() ? text : text + " " + quantize;
}

// "greedy soup of 3": the members that it is made of.
std::string soup_method(const std::string& where, const Json& soup) {
  int64_t used = 0;
  for (const Json& member : get<std::vector<Json>>(where, soup, "members")) {
    used += get<double>(where, member, "weight") > 0;
  }
  return str(get<std::string>(where, soup, "method"), " soup of ", used);
}

// The settings without those that change neither weights nor meaning.
std::string recipe_of(Json options) {
  for (const char* key : {"seed", "view_seed", "out", "resume", "threads", "device", "checkpoint_seconds"})
    options.erase(key);
  return options.dump(-1, ' ', true, Json::error_handler_t::replace);
}

void read_distillation(const std::string& where, const Json& run, const Json& distill, RunFacts& facts) {
  facts.method = method_of(where, distill);
  facts.teacher = get<std::string>(where, distill, "teacher");
  facts.combiner = get<std::string>(where, distill, "combiner");
  if (!run.contains("teachers")) return;
  for (const Json& network : get<std::vector<Json>>(where, run, "teachers")) {
    facts.teacher_networks.push_back(get<std::string>(where, network, "sha256"));
  }
}

void read_training(const fs::path& path, RunFacts& facts) {
  const std::string where = (run_of(path) / "run.json").string();
  const Json run = read_run_json(path);
  if (run.is_null()) return;
  const Json options = get<Json>(where, run, "options");
  facts.architecture = get<std::string>(where, options, "model");
  facts.seed = get<uint64_t>(where, options, "seed");
  facts.recipe = recipe_of(options);
  if (run.contains("snapshot_of")) facts.recipe += str(" after ", get<int64_t>(where, run, "epochs"), " epochs");
  facts.distilled = options.contains("distill") && !options.at("distill").is_null();
  facts.method = "from scratch";
  if (facts.distilled) read_distillation(where, run, options.at("distill"), facts);
  if (run.contains("soup")) facts.method = soup_method(where, run.at("soup"));
  const bool student = facts.distilled || (run.contains("role") && get<std::string>(where, run, "role") == "student");
  facts.kind = student ? "student" : "member";
  facts.train_core_seconds = get<double>(where, run, "core_seconds");
  if (run.contains("label_core_seconds")) facts.label_core_seconds = get<double>(where, run, "label_core_seconds");
}

RunFacts read_ensemble_facts(const fs::path& path) {
  const Ensemble ensemble = load_ensemble(path);
  RunFacts facts{.kind = "ensemble", .method = ensemble.combiner};
  facts.val_accuracy = ensemble.val_accuracy;
  if (ensemble.cascade) {
    facts.is_cascade = true;
    facts.method = "cascade of " + ensemble.combiner;
    facts.val_accuracy = ensemble.cascade->val_accuracy;
  }
  const RunCost cost = cost_of_runs({path.string()});
  facts.train_core_seconds = cost.train;
  facts.label_core_seconds = cost.label;
  return facts;
}

}  // namespace

RunFacts read_facts(const std::string& ref) {
  if (is_hub_ref(ref)) return {.method = "pretrained"};
  const fs::path path = resolve_model(ref);
  if (holds_ensemble(path) && !is_there(path / "model.safetensors")) {
    return read_ensemble_facts(path);
  }
  RunFacts facts{.is_calibrated = is_there(path / "calibration.json")};
  read_training(path, facts);
  const fs::path metrics_file = path / "metrics.json";
  if (!is_there(metrics_file)) return facts;
  const Json metrics = parse_json(metrics_file.string(), read_file(metrics_file));
  if (metrics.is_object() && metrics.contains("val")) {
    facts.val_accuracy = get<double>(metrics_file.string(), metrics.at("val"), "accuracy");
  }
  return facts;
}

}  // namespace retort
