#include "recipe/overrides.h"

#include "recipe/names.h"

namespace retort {

namespace {

TomlTable& table_of(TomlTable& parent, const std::string& name, const std::string& where) {
  for (TomlTable& table : parent.tables) {
    if (table.name == name) return table;
  }
  parent.tables.push_back({.name = name, .where = where});
  return parent.tables.back();
}

}  // namespace

void set_override(TomlTable& recipe, const std::string& set) {
  const std::string where = "--set " + set;
  const size_t equals = set.find('=');
  if (equals == std::string::npos || equals == 0)
    fail_usage(where, "no KEY=VALUE; expected such as defaults.train.epochs=1");
  const std::string path = set.substr(0, equals);
  const size_t first = path.find('.'), last = path.rfind('.');
  const TomlEntry entry{path.substr(last == std::string::npos ? 0 : last + 1), parse_toml_value(set.substr(equals + 1)),
                        where};
  if (first == std::string::npos) return recipe.set(entry);
  const std::string kind = path.substr(0, first), name = first < last ? path.substr(first + 1, last - first - 1) : "";
  if (kind == "defaults") return table_of(table_of(recipe, kind, where), name, where).set(entry);
  bool found = false;
  for (TomlTable& table : recipe.tables) {
    if (table.name != kind || (!name.empty() && step_name(table) != name)) continue;
    table.set(entry);
    found = true;
  }
  if (!found) {
    fail_usage(where, "no step is called ", kind, name.empty() ? "" : "." + name,
               "; expected KEY, defaults.KIND.KEY, KIND.KEY or KIND.NAME.KEY");
  }
}

}  // namespace retort
