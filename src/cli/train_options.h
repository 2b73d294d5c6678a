/// \file train_options.h
/// What train and distill share.
#pragma once

#include "cli/command.h"
#include "retort/train.h"

namespace retort::cli {

/// Fills in what the common options say, trains, prints the result and the next commands.
void run_training(Context& context, TrainOptions options);

}  // namespace retort::cli
