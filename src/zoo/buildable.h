/// \file buildable.h
/// Whether the zoo builds the network that a config.json means.
#pragma once

#include <string>

namespace retort {

/// Throws Error, opened by `where`, on an unknown architecture, and on a pooling that is not the architecture's own;
/// an empty `global_pool` is.
void check_buildable(const std::string& where, const std::string& architecture, const std::string& global_pool);

}  // namespace retort
