/// \file fields.h
/// Options described once: the same list makes the command line's flags, the keys of recipes and the JSON on disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace retort {

/// One option: its name, where its value lies, and help.
struct Field {
  using Value = std::variant<bool*, int64_t*, uint64_t*, double*, std::optional<double>*, std::string*,
                             std::vector<std::string>*>;
  std::string name;  ///< as JSON and recipes spell it; "layer_decay" is --layer-decay on the command line
  Value value;
  std::string help;
};
using Fields = std::vector<Field>;

/// "layer_decay" as "--layer-decay".
std::string flag_name(std::string_view name);

/// The values by name, null where an optional one is not set. A list is one text, so that it is compared as one.
Json fields_json(const Fields& fields);

/// Sets the value. Throws a usage error that names `where` where it is of another type; a single text does for a list.
void set_field(std::string_view where, const Field& field, const Json& value);

}  // namespace retort
