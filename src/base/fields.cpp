#include "base/fields.h"

#include <algorithm>

namespace retort {

namespace {

template <class T>
constexpr const char* kTypeName = "";
template <>
constexpr const char* kTypeName<bool> = "true or false";
template <>
constexpr const char* kTypeName<int64_t> = "a whole number";
template <>
constexpr const char* kTypeName<uint64_t> = "a whole number, 0 or more";
template <>
constexpr const char* kTypeName<double> = "a number";
template <>
constexpr const char* kTypeName<std::optional<double>> = "a number";
template <>
constexpr const char* kTypeName<std::string> = "a text";
template <>
constexpr const char* kTypeName<std::vector<std::string>> = "a list of texts";

}  // namespace

std::string flag_name(std::string_view name) {
  std::string out = str("--", name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

Json fields_json(const Fields& fields) {
  Json json = Json::object();
  for (const Field& field : fields) {
    std::visit(
        [&](const auto* value) {
          if constexpr (std::is_same_v<decltype(value), const std::vector<std::string>*>) {
            json[field.name] = join(*value);
          } else if constexpr (std::is_same_v<decltype(value), const std::optional<double>*>) {
            json[field.name] = *value ? Json(**value) : Json(nullptr);
          } else {
            json[field.name] = *value;
          }
        },
        field.value);
  }
  return json;
}

void set_field(std::string_view where, const Field& field, const Json& value) {
  std::visit(
      [&](auto* out) {
        using T = std::remove_pointer_t<decltype(out)>;
        try {
          if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            *out = value.is_string() ? T{value.get<std::string>()} : value.get<T>();
            return;
          } else if constexpr (std::is_same_v<T, std::optional<double>>) {
            if (fits<double>(value)) {
              *out = value.get<double>();
              return;
            }
          } else if (fits<T>(value)) {
            *out = value.get<T>();
            return;
          }
        } catch (const nlohmann::json::exception&) {
        }
        fail_usage(where, field.name, " is ", value.dump().substr(0, 60), "; expected ", kTypeName<T>);
      },
      field.value);
}

}  // namespace retort
