/// \file train_options.h
/// The options that train and distill share, and how both report.
#pragma once

#include "cli/command.h"
#include "retort/train.h"

namespace retort::cli {

/// Adds the training options; defaults shown in --help are those of `options`.
void add_train_options(CLI::App& verb, TrainOptions& options);

/// Fills in what the common options say, trains, prints the result and the next commands.
void run_training(Context& context, TrainOptions options);

}  // namespace retort::cli
