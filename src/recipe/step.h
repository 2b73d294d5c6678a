/// \file step.h
/// One step of a recipe: what a verb of the command line does, with its options as keys.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fields.h"
#include "retort/data.h"
#include "retort/recipe.h"
#include "retort/train.h"

namespace retort {

/// What a step costs, in images that networks go through.
struct StepWork {
  double trained = 0;    ///< forward and backward, through its own network
  double predicted = 0;  ///< forward, through each network of what it refers to
};

/// Once references are directories and `out` is set, run() may be called, on any thread.
class Step {
 public:
  virtual ~Step() = default;
  /// Its keys. Values are set through them.
  virtual Fields fields() = 0;
  /// Of these, which hold names of other steps, paths or hub names.
  virtual std::vector<std::string> references() const = 0;
  /// The file in its directory that is written last.
  virtual std::string last_file() const = 0;
  /// Throws a usage error on values that cannot work.
  virtual void check(const std::string& out) const = 0;
  /// What of `data` it looks at.
  virtual DataSet select(const DataSet& data) const { return data; }
  /// On what select() gave.
  virtual StepWork work(const DataSet& selected) const = 0;
  virtual void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) = 0;

  /// The training that it is, or null: such steps may run side by side. Of several in one pass, what they share.
  virtual const TrainOptions* training() const { return nullptr; }
  /// Directories below its own, where it leaves something in each instead of one thing in its own.
  virtual std::vector<std::string> parts() const { return {}; }
  /// The training of each part, or its only one; none where it is none.
  virtual std::vector<TrainOptions> trainings() const;
  /// Whether it leaves a model, which reports that name none take.
  virtual bool leaves_model() const { return training() != nullptr; }
  /// Whether it adds to the directory of the training that it refers to, instead of making one.
  virtual bool in_place() const { return false; }
  /// Whether all that is in its directory is its own, and goes when it is made anew.
  virtual bool owns_directory() const { return !in_place(); }
  /// A name for the contents of what it left in `out`; empty where there is nothing.
  virtual std::string output(const std::string& out) const;
  /// Whether nothing may run beside it, because it measures time.
  virtual bool alone() const { return false; }
};

/// A kind of steps, one table of the recipe each.
struct StepKind {
  std::string name;
  std::vector<std::string> common;    ///< keys that it takes from the recipe's top
  std::vector<std::string> defaults;  ///< tables under [defaults] that hold for it, later ones first in weight
  std::unique_ptr<Step> (*make)();
};

/// A StepKind's `make`.
template <class Made, auto... arguments>
std::unique_ptr<Step> make_step() {
  return std::make_unique<Made>(arguments...);
}

/// In the order of steps.def.
const std::vector<StepKind>& step_kinds();

}  // namespace retort
