/// \file recipe.h
/// A recipe: a whole pipeline as steps in a TOML file, of which only those are run whose inputs have changed
/// (docs/recipes.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retort/model_bench.h"

namespace retort {

/// The recipe itself and how it is to be run.
struct RecipeOptions {
  std::string name;               ///< of the file, for messages
  std::string text;               ///< TOML
  std::vector<std::string> set;   ///< KEY=VALUE, in place of what the text says: out, defaults.train.lr, train.NAME.lr
  std::vector<std::string> only;  ///< names of steps: these and what they need; empty is all
  int threads = 0;                ///< of all that runs at once; 0 is all usable cores
  int64_t memory = 0;             ///< bytes, of trainings that run at once, as estimated; 0 is no limit
  std::string device = "cpu";
  uint64_t seed = 0;    ///< added to the seed of each training
  BenchOptions bench;   ///< of reports; threads and device are those above
  std::string command;  ///< that reports say made them
};

enum class StepStatus {
  kept,     ///< done before, from the same inputs
  planned,  ///< would run
  done,
  failed,
  skipped,  ///< a step that it needs failed
  stopped,  ///< the monitor stopped it, or kept it from beginning
};
std::string status_name(StepStatus status);

struct StepReport {
  std::string name, kind;
  std::string out;                 ///< directory
  std::vector<std::string> needs;  ///< names of steps
  StepStatus status = StepStatus::planned;
  std::string why;          ///< what made it run: "new", "lr 0.1 -> 0.05", "weighted has changed", ...
  std::string error;        ///< of one that failed: the Error's line
  double seconds = 0;       ///< on the wall, of one that ran
  double core_seconds = 0;  ///< estimate; 0 where there is none
  std::string rate;         ///< what the estimate stands on
};

struct RecipeResult {
  std::string out;
  std::vector<StepReport> steps;  ///< in the recipe's order
  double wall_seconds = 0;        ///< of a plan: the estimate for these threads; else what was spent
  std::string table;              ///< directory of the last report whose table is there; "" for none

  /// Names of the steps of this status.
  std::vector<std::string> names(StepStatus status) const;
};

/// What run_recipe would do, and what that would cost: from finished trainings of the same model in the same `out`,
/// else from a short measurement. Writes nothing. Throws as run_recipe does.
RecipeResult plan_recipe(const RecipeOptions& options, const Monitor& monitor = {});

/// Runs the steps that are not done. A step is done when its output is there as it was written and its settings, data
/// and inputs are those that it was made from; `out/recipe_state.json` remembers. Independent trainings run side by
/// side. A step that fails loses only those that need it: it is in the result, not thrown. Throws usage errors on a
/// recipe that is wrong, with its line; Error where the data or the state cannot be read, or another run is at work in
/// `out`.
RecipeResult run_recipe(const RecipeOptions& options, const Monitor& monitor = {});

}  // namespace retort
