/// \file overrides.h
/// KEY=VALUE from outside, in place of what a recipe says.
#pragma once

#include "recipe/toml.h"

namespace retort {

/// `set` is KEY=VALUE. KEY is one of the top (`out`), of a table of defaults (`defaults.train.lr`), of one step
/// (`train.NAME.lr`, `report.split`) or of all steps of a kind (`train.lr`). Throws a usage error on one that fits
/// nothing.
void set_override(TomlTable& recipe, const std::string& set);

}  // namespace retort
