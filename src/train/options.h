/// \file options.h
/// Training options: checked before any work, compared with those of a checkpoint.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "retort/train_several.h"

namespace retort {

/// The verb that these options belong to, "train" or "distill".
std::string verb_of(const TrainOptions& options);

/// Throws a usage error that names an option as the command line spells it, where a value is out of range, a name
/// unknown or a combination impossible.
void check_options(const TrainOptions& options);
void check_options(const LabelOptions& options);
void check_options(const SoupOptions& options);

/// The options that are flags of the command line and keys of recipes. What all verbs share (seed, threads, device) is
/// not among them, nor is what has no flag.
Fields fields(TrainOptions& options);
Fields fields(DistillOptions& options);
Fields fields(LabelOptions& options);
Fields fields(SoupOptions& options);

/// All options by the names of the struct; `distill` is null or an object.
Json options_json(const TrainOptions& options);

/// Throws a usage error where two would write the same directory, or one asks for a profile, which is of one alone.
void check_several(const std::vector<TrainOptions>& options);

/// The same, and where students of one pass differ in what it shares.
void check_pass(const std::vector<TrainOptions>& students);

/// Throws a usage error that lists what differs in what the weights depend on.
void check_same_options(const std::string& where, const Json& kept, const Json& asked);

}  // namespace retort
