#include "recipe/toml.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>

namespace retort {

namespace {

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  TomlTable table(std::string name, const toml::table& from) const {
    TomlTable out{.name = std::move(name), .where = where(from)};
    for (const auto& [key, node] : from) {
      const std::string word(key.str());
      if (is_spec(node)) {
        out.entries.push_back({word, spec(node), where(node)});
      } else if (const toml::table* inner = node.as_table()) {
        out.tables.push_back(table(word, *inner));
      } else if (node.is_array_of_tables()) {
        for (const toml::node& element : *node.as_array()) out.tables.push_back(table(word, *element.as_table()));
      } else {
        out.entries.push_back({word, value(node), where(node)});
      }
    }
    // The library keeps keys sorted; a recipe's order is the reader's.
    std::stable_sort(out.tables.begin(), out.tables.end(),
                     [](const TomlTable& a, const TomlTable& b) { return line_of(a.where) < line_of(b.where); });
    return out;
  }

  Json value(const toml::node& node) const {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    const toml::array* array = node.as_array();
    if (!array)
      fail_usage(where(node), "a date or a time; expected a text, a number, true or false, or a list of them");
    Json out = Json::array();
    for (const toml::node& element : *array) {
      if (element.is_array() || element.is_table())
        fail_usage(where(element), "a list within a list; expected plain values");
      out.push_back(value(element));
    }
    return out;
  }

 private:
  // Tables within a line, or a list of them.
  static bool is_spec(const toml::node& node) {
    if (const toml::table* one = node.as_table()) return one->is_inline();
    return node.is_array_of_tables() && is_spec(node.as_array()->front());
  }

  // { name = "kd", temperature = 4 } as kd:temperature=4; several are a sum.
  std::string spec(const toml::node& node) const {
    std::vector<std::string> terms;
    if (const toml::array* several = node.as_array()) {
      for (const toml::node& term : *several) terms.push_back(spec(term));
      return join(terms, " + ");
    }
    const toml::table& table = *node.as_table();
    const toml::node* name = table.get("name");
    if (!name || !name->is_string()) {
      fail_usage(where(node),
                 "a table in place of a text has no name; expected such as { name = \"kd\", temperature = 4 }");
    }
    std::string text = name->as_string()->get();
    for (const auto& [key, setting] : table) {
      if (&setting != name) text += str(":", key.str(), "=", setting_text(value(setting)));
    }
    return text;
  }

  static std::string setting_text(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::vector<std::string> words;
    for (const Json& word : value) words.push_back(setting_text(word));
    return join(words, ",");
  }

  std::string where(const toml::node& node) const { return str(name_, ":", node.source().begin.line); }
  static int64_t line_of(const std::string& where) { return std::atoll(where.c_str() + where.rfind(':') + 1); }

  const std::string& name_;
};

}  // namespace

std::string TomlEntry::text() const {
  if (!value.is_string()) fail_usage(where, key, " is ", value.dump(), "; expected a text");
  return value.get<std::string>();
}

const TomlEntry* TomlTable::find(std::string_view key) const {
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const TomlEntry& e) { return e.key == key; });
  return it == entries.end() ? nullptr : &*it;
}

void TomlTable::set(TomlEntry entry) {
  std::erase_if(entries, [&](const TomlEntry& e) { return e.key == entry.key; });
  entries.push_back(std::move(entry));
}

TomlTable parse_toml(const std::string& name, std::string_view text) {
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& error = result.error();
    std::string why(error.description());
    std::replace(why.begin(), why.end(), '\n', ' ');
    fail_usage(str(name, ":", error.source().begin.line), "not TOML: ", why);
  }
  return Reader(name).table("", result.table());
}

Json parse_toml_value(const std::string& text) {
  const toml::parse_result result = toml::parse("value = " + text);
  const bool one = result && result.table().size() == 1 && result.table().contains("value");
  const toml::node* node = one ? result.table().get("value") : nullptr;
  if (!node || node->is_table() || node->is_date() || node->is_time() || node->is_date_time()) return text;
  return Reader("value").value(*node);
}

}  // namespace retort
