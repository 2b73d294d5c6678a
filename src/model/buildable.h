/// \file buildable.h
/// Whether the zoo builds the network that a config.json means.
#pragma once

#include <string>

#include "retort/weights.h"

namespace retort {

/// Throws Error, opened by `where`, on an unknown architecture, and on a pooling that is not the architecture's own.
void check_buildable(const std::string& where, const ModelConfig& config);

}  // namespace retort
