#include "recipe/read.h"

#include <algorithm>

#include "recipe/names.h"
#include "recipe/overrides.h"

namespace retort {

namespace {

[[noreturn]] void fail_unknown(const std::string& where, const std::string& what, const std::string& word,
                               const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  fail_usage(where, "unknown ", what, " '", word, "'; ", near.empty() ? "" : "did you mean '" + near + "'? ",
             "known: ", join(known));
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Builder {
 public:
  explicit Builder(const RecipeOptions& options) : options_(options), root_(parse_toml(options.name, options.text)) {
    for (const std::string& set : options.set) set_override(root_, set);
  }

  Recipe build() {
    check_top();
    for (const TomlTable& table : root_.tables) {
      if (table.name != "defaults") add(table);
    }
    if (recipe_.steps.empty()) fail_usage(options_.name, "no steps; expected tables such as [[train]]");
    for (const bool in_place : {true, false}) {  // the former's directory is known when their input is
      for (RecipeStep& step : recipe_.steps) {
        if (step.step->in_place() == in_place) resolve(step);
      }
    }
    check_cycles();
    for (const RecipeStep& step : recipe_.steps) check(step);
    keep_only();
    return std::move(recipe_);
  }

 private:
  void check_top() {
    const std::vector<std::string> keys = {"out", "data", "samples", "skip_broken"};
    for (const TomlEntry& entry : root_.entries) {
      if (!contains(keys, entry.key)) fail_unknown(entry.where, "key", entry.key, keys);
    }
    for (const TomlTable& table : root_.tables) {
      if (table.name != "defaults") find_kind(table);
      for (const TomlTable& inner : table.tables) {
        if (table.name != "defaults")
          fail_usage(inner.where, "a table '", inner.name, "' within a step; expected plain keys");
        find_kind(inner);
      }
    }
    const TomlEntry* out = root_.find("out");
    if (!out)
      fail_usage(options_.name, "no 'out'; expected the directory for everything, such as out = \"runs/first\"");
    recipe_.out = out->text();
    if (recipe_.out.empty()) fail_usage(out->where, "out is empty; expected a directory");
  }

  static const StepKind& find_kind(const TomlTable& table) {
    std::vector<std::string> known;
    for (const StepKind& kind : step_kinds()) {
      if (kind.name == table.name) return kind;
      known.push_back(kind.name);
    }
    fail_unknown(table.where, "kind of step", table.name, known);
  }

  // What the step's table says, with the defaults before it.
  std::vector<TomlEntry> merged(const TomlTable& table, const StepKind& kind) const {
    std::vector<TomlEntry> all;
    for (const std::string& key : kind.common) {
      if (const TomlEntry* entry = root_.find(key)) all.push_back(*entry);
    }
    for (const std::string& name : kind.defaults) {
      for (const TomlTable& defaults : root_.tables) {
        if (defaults.name != "defaults") continue;
        for (const TomlTable& inner : defaults.tables) {
          if (inner.name == name) all.insert(all.end(), inner.entries.begin(), inner.entries.end());
        }
      }
    }
    all.insert(all.end(), table.entries.begin(), table.entries.end());
    return all;
  }

  void add(const TomlTable& table) {
    const StepKind& kind = find_kind(table);
    const std::string name = step_name(table);
    std::vector<TomlEntry> entries = merged(table, kind);
    const auto seeds =
        std::find_if(entries.begin(), entries.end(), [](const TomlEntry& e) { return e.key == "seeds"; });
    if (seeds == entries.end()) return add_step(kind, name, name, table, entries);
    TomlEntry seed = *seeds;
    if (!seed.value.is_array() || seed.value.empty())
      fail_usage(seed.where, "seeds is ", seed.value.dump(), "; expected a list such as [1, 2, 3]");
    std::erase_if(entries, [](const TomlEntry& e) { return e.key == "seeds" || e.key == "seed"; });
    entries.push_back({"seed", {}, seed.where});
    for (const Json& value : seed.value) {
      entries.back().value = value;
      add_step(kind, name, name + "-seed" + value.dump(), table, entries);
    }
  }

  void add_step(const StepKind& kind, const std::string& group, const std::string& name, const TomlTable& table,
                const std::vector<TomlEntry>& entries) {
    check_step_name(table.where, name);
    const bool at_top = kind.name == "report" && !table.find("name");  // its tables lie beside the steps
    RecipeStep step{.name = name, .where = table.where, .kind = &kind, .out = recipe_.out, .step = kind.make()};
    if (!at_top) step.out /= name;
    const Fields fields = step.step->fields();
    std::vector<std::string> known = {"name", "seeds"};
    for (const Field& field : fields) known.push_back(field.name);
    for (const TomlEntry& entry : entries) {
      if (!contains(known, entry.key)) fail_unknown(entry.where, "key", entry.key, known);
      if (entry.key != "name") set_field(entry.where, field_of(fields, entry.key), entry.value);
      lines_[{name, entry.key}] = entry.where;
    }
    if (step.step->training()) *std::get<uint64_t*>(field_of(fields, "seed").value) += options_.seed;
    step.data = *std::get<std::string*>(field_of(fields, "data").value);
    step.settings = changed_settings(fields, kind);
    for (const std::string& word : group == name ? std::vector{name} : std::vector{group, name}) {
      if (word == name && groups_.contains(name)) {
        fail_usage(table.where, "two steps are called '", name, "'; give this one a name of its own");
      }
      add_places(word, step.step->parts());
    }
    recipe_.steps.push_back(std::move(step));
  }

  // What names of steps stand for: all parts of the next step, and "NAME/PART" for one of them.
  void add_places(const std::string& name, const std::vector<std::string>& parts) {
    const size_t next = recipe_.steps.size();
    if (parts.empty()) groups_[name].push_back({next, ""});
    for (const std::string& part : parts) {
      groups_[name].push_back({next, part});
      groups_[name + "/" + part].push_back({next, part});
    }
  }

  Json changed_settings(const Fields& fields, const StepKind& kind) const {
    const Json defaults = default_settings(kind), all = fields_json(fields);
    Json settings = Json::object();
    for (const auto& [key, value] : all.items()) {
      if (value != defaults[key] && key != "checkpoint_seconds") settings[key] = value;
    }
    if (options_.device != "cpu") settings["device"] = options_.device;
    return settings;
  }

  // Puts directories in place of names.
  void resolve(RecipeStep& step) {
    const Fields fields = step.step->fields();
    for (const std::string& key : step.step->references()) {
      const Field& field = field_of(fields, key);
      if (auto* const* one = std::get_if<std::string*>(&field.value)) {
        if ((*one)->empty()) continue;
        const auto found = look_up(step, key, **one);
        if (found.size() != 1)
          fail_usage(lines_[{step.name, key}], "'", **one, "' stands for ", found.size(), " models; expected one");
        **one = found.front();
        if (step.step->in_place()) take_place(step, key);
      } else {
        auto& list = *std::get<std::vector<std::string>*>(field.value);
        if (list.empty() && step.kind->name == "report") list = all_models();
        std::vector<std::string> paths;
        for (const std::string& ref : list) {
          for (const std::string& path : look_up(step, key, ref)) paths.push_back(path);
        }
        list = paths;
      }
    }
  }

  void take_place(RecipeStep& step, const std::string& key) {
    if (step.needs.size() != 1 || !recipe_.steps[step.needs.front()].step->training()) {
      fail_usage(lines_[{step.name, key}], key, " names no training of this recipe; expected one, whose directory ",
                 step.kind->name, " adds to");
    }
    step.out = *std::get<std::string*>(field_of(step.step->fields(), key).value);
  }

  std::vector<std::string> all_models() const {
    std::vector<std::string> names;
    for (const RecipeStep& step : recipe_.steps) {
      if (step.step->leaves_model()) names.push_back(step.name);
    }
    return names;
  }

  // The directories that `ref` stands for, noted as needed.
  std::vector<std::string> look_up(RecipeStep& step, const std::string& key, const std::string& ref) {
    std::vector<std::string> paths;
    if (const auto it = groups_.find(ref); it != groups_.end()) {
      for (const auto& [need, part] : it->second) {
        if (std::find(step.needs.begin(), step.needs.end(), need) == step.needs.end()) step.needs.push_back(need);
        const fs::path& out = recipe_.steps[need].out;
        paths.push_back((part.empty() ? out : out / part).string());
      }
      return paths;
    }
    if (!is_hub_ref(ref) && !is_there(ref)) {
      std::vector<std::string> names;
      for (const auto& [name, steps] : groups_) names.push_back(name);
      const std::string near = nearest(ref, names);
      fail_usage(lines_[{step.name, key}], key, " names '", ref, "', which is no step and no path; ",
                 near.empty() ? "steps: " + join(names) : "did you mean '" + near + "'?");
    }
    step.others.push_back(ref);
    return {ref};
  }

  void check_cycles() const {
    std::vector<int> state(recipe_.steps.size());  // 0: not seen, 1: on the way, 2: fine
    std::vector<std::string> way;
    const std::function<void(size_t)> visit = [&](size_t i) {
      const RecipeStep& step = recipe_.steps[i];
      if (state[i] == 2) return;
      way.push_back(step.name);
      if (state[i] == 1) fail_usage(step.where, "steps need each other: ", join(way, " -> "));
      state[i] = 1;
      for (const size_t need : step.needs) visit(need);
      state[i] = 2;
      way.pop_back();
    };
    for (size_t i = 0; i < recipe_.steps.size(); ++i) visit(i);
  }

  static void check(const RecipeStep& step) {
    try {
      step.step->check(step.out.string());
    } catch (const Error& error) {
      throw Error(step.where, step.name + ": " + error.what(), Error::Kind::usage);
    }
  }

  void keep_only() {
    if (options_.only.empty()) return;
    std::vector<bool> keep(recipe_.steps.size());
    const std::function<void(size_t)> mark = [&](size_t i) {
      keep[i] = true;
      for (const size_t need : recipe_.steps[i].needs) mark(need);
    };
    for (const std::string& name : options_.only) {
      const auto it = groups_.find(name);
      std::vector<std::string> names;
      for (const auto& [known, steps] : groups_) names.push_back(known);
      if (it == groups_.end()) fail_unknown("--only", "step", name, names);
      for (const Place& place : it->second) mark(place.step);
    }
    std::vector<size_t> place(recipe_.steps.size());
    std::vector<RecipeStep> kept;
    for (size_t i = 0; i < keep.size(); ++i) {
      if (!keep[i]) continue;
      place[i] = kept.size();
      kept.push_back(std::move(recipe_.steps[i]));
    }
    for (RecipeStep& step : kept) {
      for (size_t& need : step.needs) need = place[need];
    }
    recipe_.steps = std::move(kept);
  }

  const RecipeOptions& options_;
  TomlTable root_;
  Recipe recipe_;
  struct Place {
    size_t step;
    std::string part;  ///< "" where it has none
  };
  std::map<std::string, std::vector<Place>> groups_;                  ///< by name; seeds of one table also by its name
  std::map<std::pair<std::string, std::string>, std::string> lines_;  ///< where step and key were given
};

}  // namespace

std::vector<fs::path> RecipeStep::outputs() const {
  std::vector<fs::path> directories;
  for (const std::string& part : step->parts()) directories.push_back(out / part);
  if (directories.empty()) directories.push_back(out);
  return directories;
}

bool RecipeStep::whole() const {
  const std::vector<fs::path> all = outputs();
  return std::all_of(all.begin(), all.end(), [this](const fs::path& o) { return is_there(o / step->last_file()); });
}

const Field& field_of(const Fields& fields, std::string_view name) {
  return *std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
}

Json default_settings(const StepKind& kind) { return fields_json(kind.make()->fields()); }

Recipe read_recipe(const RecipeOptions& options) { return Builder(options).build(); }

}  // namespace retort
