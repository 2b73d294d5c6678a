/// \file state.h
/// What steps were made from, as `OUT/recipe_state.json` remembers it (docs/formats.md).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace retort {

/// Hashes by what was used: a step's name, "data:SPEC", a path or a hub name.
using Inputs = std::map<std::string, std::string>;

struct StepRecord {
  std::string kind;
  Json settings;  ///< null while an old output is being removed
  Inputs inputs;
  std::string output;  ///< hash of what it left; "" until it is done
  double seconds = 0;  ///< on the wall
};

/// Thread-safe.
class RecipeState {
 public:
  /// Reads what is there. Throws Error on a damaged file.
  explicit RecipeState(const std::string& out);
  std::optional<StepRecord> find(const std::string& step) const;
  /// Writes it to disk, too.
  void put(const std::string& step, StepRecord record);

 private:
  fs::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, StepRecord> records_;
};

/// A name for the contents of a run (its weights), an ensemble, soft labels or a table. Empty where there are none.
std::string output_hash(const fs::path& directory);

}  // namespace retort
