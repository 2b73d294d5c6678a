/// \file toml.h
/// A TOML file as tables whose values know their lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace retort {

struct TomlEntry {
  std::string key;
  Json value;         ///< text, number, flag, or an array of them
  std::string where;  ///< "recipe.toml:12", for messages

  /// The value. Throws a usage error where it is no text.
  std::string text() const;
};

struct TomlTable {
  std::string name;  ///< "train" of [train] and [[train]]
  std::string where;
  std::vector<TomlEntry> entries;
  std::vector<TomlTable> tables;  ///< in the file's order; each element of an array of tables is one

  /// The entry, or null.
  const TomlEntry* find(std::string_view key) const;
  /// Puts it in place of one of the same key.
  void set(TomlEntry entry);
};

/// Throws a usage error that names the line of what is not TOML.
TomlTable parse_toml(const std::string& name, std::string_view text);

/// The value that VALUE of KEY=VALUE means: TOML's, or a text where it is none.
Json parse_toml_value(const std::string& text);

}  // namespace retort
