#include "recipe/decide.h"

#include <algorithm>

namespace retort {

namespace {

// "lr 0.1 -> 0.05"; what was left out shows as its default.
std::string settings_changes(const RecipeStep& step, const Json& before) {
  const Json defaults = default_settings(*step.kind);
  const auto text = [&](const Json& settings, const std::string& key) {
    if (settings.contains(key)) return settings[key].dump();
    return defaults.contains(key) ? defaults[key].dump() : std::string("unset");
  };
  std::vector<std::string> changes;
  Json keys = before;
  keys.update(step.settings);
  for (const auto& [key, value] : keys.items()) {
    const std::string was = text(before, key), is = text(step.settings, key);
    if (was != is) changes.push_back(str(key, " ", was, " -> ", is));
  }
  return join(changes);
}

std::string input_changes(const Inputs& before, const Inputs& now) {
  std::vector<std::string> changes;
  for (const auto& [name, hash] : now) {
    const auto it = before.find(name);
    if (hash.empty()) {
      changes.push_back(name + " is made anew");
    } else if (it == before.end() || it->second != hash) {
      changes.push_back(name + (it == before.end() ? " is new" : " has changed"));
    }
  }
  return join(changes);
}

// Epochs that are in the records of a training; 0 where there are none.
int64_t epochs_done(const fs::path& run) {
  const fs::path history = run / "history.csv";
  if (!is_there(history)) return 0;
  const std::string text = read_file(history);
  return std::max<int64_t>(0, std::count(text.begin(), text.end(), '\n') - 1);
}

}  // namespace

Decision decide(const RecipeStep& step, const std::optional<StepRecord>& record, const Inputs& now) {
  const bool whole = step.whole();
  std::error_code none;
  if (!record) {
    if (step.step->owns_directory() && is_there(step.out) && !fs::is_empty(step.out, none)) {
      fail_usage(step.out.string(), "is there, but this recipe did not make it; remove it, or choose another out");
    }
    return {.why = "new"};
  }
  if (record->settings.is_null()) return {.clean = true, .why = "its old output was being removed"};
  if (record->kind != step.kind->name) return {.clean = true, .why = "was a step of kind " + record->kind};
  if (const std::string what = settings_changes(step, record->settings); !what.empty()) {
    return {.clean = true, .why = "settings changed: " + what};
  }
  if (const std::string what = input_changes(record->inputs, now); !what.empty()) return {.clean = true, .why = what};
  if (whole) {
    if (record->output.empty() || record->output == step.step->output(step.out.string()))
      return {.run = false, .why = "unchanged"};
    return {.clean = true, .why = "its output is not what it left"};
  }
  if (!record->output.empty()) return {.clean = true, .why = "its output is gone"};
  const int64_t epochs = step.step->training() ? epochs_done(step.outputs().front()) : 0;
  return {.why = epochs > 0 ? str("goes on after epoch ", epochs) : "goes on"};
}

}  // namespace retort
