/// \file json.h
/// JSON with errors that say where. Key order is kept, so files and replies read as they were written.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "retort/base.h"

namespace retort {

using Json = nlohmann::ordered_json;

/// Parses text that may be hostile. Throws Error that names `where`.
inline Json parse_json(std::string_view where, std::string_view text) {
  // Printing a value for a message takes a stack frame a level.
  const auto bounded = [&](int depth, Json::parse_event_t, const Json&) {
    if (depth > 64) fail(where, "JSON nested deeper than 64; the file is damaged or of another kind");
    return true;
  };
  Json json = Json::parse(text, bounded, /*allow_exceptions=*/false);
  if (json.is_discarded()) fail(where, "not valid JSON; the file is damaged or of another kind");
  return json;
}

/// Whether a value can become a T without losing anything: nlohmann turns 1.5 and -1 into whole numbers silently.
template <class T>
bool fits(const Json& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (value.is_number_unsigned()) return std::in_range<T>(value.get<uint64_t>());
    return value.is_number_integer() && std::in_range<T>(value.get<int64_t>());
  }
  return !std::is_floating_point_v<T> || value.is_number();
}

/// The member `key` of an object as a T. Throws Error where it is absent or of another type.
template <class T>
T get(std::string_view where, const Json& object, const std::string& key) {
  if (!object.is_object() || !object.contains(key)) fail(where, "'", key, "' is missing");
  const Json& value = object.at(key);
  try {
    if (fits<T>(value)) return value.get<T>();
  } catch (const nlohmann::json::exception&) {
  }
  fail(where, "'", key, "' is ", value.dump().substr(0, 60), ", which is of another type than expected");
}

/// Checks the version that opens each of our JSON files. Throws Error.
inline void check_version(std::string_view where, const Json& json, const std::string& key, int64_t version) {
  const auto found = get<int64_t>(where, json, key);
  if (found != version) {
    fail(where, key, " is ", found, "; this build reads version ", version, "; use the retort that wrote it");
  }
}

}  // namespace retort
