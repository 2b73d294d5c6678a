/// \file read.h
/// A recipe as steps that know each other.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "recipe/step.h"

namespace retort {

struct RecipeStep {
  std::string name, where;
  const StepKind* kind = nullptr;
  fs::path out;
  std::unique_ptr<Step> step;       ///< with paths in place of names
  Json settings = Json::object();   ///< what differs from the defaults, as it was written
  std::string data;                 ///< spec
  std::vector<size_t> needs;        ///< steps that it refers to
  std::vector<std::string> others;  ///< paths and hub names that it refers to

  /// Where it leaves something: its parts' directories, or its own.
  std::vector<fs::path> outputs() const;
  /// Whether all of it is there.
  bool whole() const;
};

struct Recipe {
  std::string out;
  std::vector<RecipeStep> steps;  ///< in the recipe's order
};

/// Reads `options.text` with `options.set`, and leaves out what `options.only` does not need. Throws a usage error,
/// with the line, on all that can be seen to be wrong without looking at data.
Recipe read_recipe(const RecipeOptions& options);

/// The key's value among the step's. The key is there.
const Field& field_of(const Fields& fields, std::string_view name);

/// The settings of a step of this kind that nobody has set.
Json default_settings(const StepKind& kind);

}  // namespace retort
