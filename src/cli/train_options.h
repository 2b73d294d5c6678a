/// \file train_options.h
/// What train and distill share.
#pragma once

#include "cli/command.h"
#include "retort/train_several.h"

namespace retort::cli {

/// Fills in what the common options say.
void add_common(const Context& context, TrainOptions& options);

/// The flag --profile.
void add_profile(CLI::App& verb, TrainOptions& options);

/// The same, trains, prints the result and the next commands.
void run_training(Context& context, TrainOptions options);

/// Several trainings: members that differ, by `spec`, or folds.
void run_diversified(Context& context, const std::string& spec, TrainOptions options);
void run_folds(Context& context, TrainOptions options);

/// Students of several backbones in one pass.
void run_students(Context& context, const std::vector<std::string>& models, TrainOptions options);

/// "stopped", and how to go on.
void stopped_training(Context& context, const TrainOptions& options);

}  // namespace retort::cli
