/// \file plan.h
/// What the steps of a recipe need and cost, and which of them are to run as things stand.
#pragma once

#include <functional>

#include "base/jobs.h"
#include "recipe/decide.h"
#include "train/needs.h"

namespace retort {

/// What the data say of a step.
struct StepFacts {
  std::string data_hash;
  StepWork work;
  TrainNeeds needs;              ///< of a training; zeros where its model is not known yet
  double seconds_per_image = 0;  ///< processor time of a training
  std::string rate;              ///< what that stands on
  double core_seconds = 0;       ///< estimate of all of it
};

/// One for each step. `measure`: trainings of models that no finished one tells of are measured for a moment, else
/// guessed. Throws Error where data cannot be opened.
std::vector<StepFacts> look_at(const Recipe& recipe, const RecipeOptions& options, bool measure);

/// The step's inputs. `output_of` gives the hash of a step that it needs.
Inputs inputs_of(const Recipe& recipe, size_t i, const StepFacts& facts,
                 const std::function<std::string(size_t)>& output_of);

/// What is to run as things stand; a step after one that is to run is to run, too.
std::vector<Decision> decide_all(const Recipe& recipe, const std::vector<StepFacts>& facts, const RecipeState& state);

/// Order, threads, memory and length of each step's work; `run` is the caller's to fill in.
std::vector<Job> make_jobs(const Recipe& recipe, const std::vector<StepFacts>& facts,
                           const std::vector<Decision>& decisions, int threads);

}  // namespace retort
