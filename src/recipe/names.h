/// \file names.h
/// What a table of a recipe is called as a step.
#pragma once

#include "recipe/toml.h"

namespace retort {

/// `name`; without one a training goes by its model, an ensemble by its method, all else by its kind.
std::string step_name(const TomlTable& table);

/// Throws a usage error on a name that cannot be a directory's: letters, digits, '_', '-' and '.', which does not open
/// it.
void check_step_name(const std::string& where, const std::string& name);

}  // namespace retort
