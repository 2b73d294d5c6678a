#include "recipe/state.h"

#include "base/hash.h"

namespace retort {

namespace {

constexpr int64_t kStateVersion = 1;

Json record_json(const StepRecord& r) {
  return {
      {"kind", r.kind}, {"settings", r.settings}, {"inputs", r.inputs}, {"output", r.output}, {"seconds", r.seconds}};
}

StepRecord record_from_json(const std::string& where, const Json& json) {
  return {get<std::string>(where, json, "kind"), get<Json>(where, json, "settings"), get<Inputs>(where, json, "inputs"),
          get<std::string>(where, json, "output"), get<double>(where, json, "seconds")};
}

}  // namespace

RecipeState::RecipeState(const std::string& out) : file_(fs::path(out) / "recipe_state.json") {
  if (!is_there(file_)) return;
  const std::string where = file_.string();
  const Json json = parse_json(where, read_file(file_));
  check_version(where, json, "retort_recipe", kStateVersion);
  const Json steps = get<Json>(where, json, "steps");
  if (!steps.is_object()) fail(where, "'steps' is no object; the file is damaged");
  for (const auto& [name, record] : steps.items()) records_[name] = record_from_json(where, record);
}

std::optional<StepRecord> RecipeState::find(const std::string& step) const {
  const std::lock_guard lock(mutex_);
  const auto it = records_.find(step);
  return it == records_.end() ? std::nullopt : std::optional(it->second);
}

void RecipeState::put(const std::string& step, StepRecord record) {
  const std::lock_guard lock(mutex_);
  records_[step] = std::move(record);
  Json steps = Json::object();
  for (const auto& [name, r] : records_) steps[name] = record_json(r);
  write_file(file_, Json{{"retort_recipe", kStateVersion}, {"steps", steps}}.dump(2) + "\n");
}

std::string output_hash(const fs::path& directory) {
  if (const fs::path labels = directory / "labels.json"; is_there(labels)) {
    Json json = parse_json(labels.string(), read_file(labels));
    json.erase("core_seconds");  // says nothing of what they are
    return sha256(json.dump());
  }
  for (const char* file : {"ensemble.json", "model.safetensors", "table.json"}) {
    if (is_there(directory / file)) return sha256_file(directory / file);
  }
  return "";
}

}  // namespace retort
