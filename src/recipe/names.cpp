#include "recipe/names.h"

#include <algorithm>

namespace retort {

std::string step_name(const TomlTable& table) {
  const bool training = table.name == "train" || table.name == "distill";
  for (const char* key : {"name", training ? "model" : table.name == "ensemble" ? "method" : "name"}) {
    if (const TomlEntry* entry = table.find(key)) return entry->text();
  }
  return table.name;
}

void check_step_name(const std::string& where, const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; };
  if (!name.empty() && name.size() <= 100 && name.front() != '.' && std::all_of(name.begin(), name.end(), good)) return;
  fail_usage(where, "name is '", name.substr(0, 100),
             "', which becomes a directory; expected letters, digits, '_', '-' and '.', no '.' first");
}

}  // namespace retort
