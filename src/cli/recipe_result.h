/// \file recipe_result.h
/// How run and demo run a recipe and tell of it.
#pragma once

#include <optional>

#include "cli/command.h"
#include "retort/recipe.h"

namespace retort::cli {

/// What the common options, this program and its command line say of how recipes are run.
RecipeOptions recipe_options(const Context& context);

/// Runs the recipe. Nothing where Ctrl-C stopped it, which the user has been told.
std::optional<RecipeResult> run_steps(Context& context, const RecipeOptions& options);

/// The result with the last report's table.
Json result_json(const RecipeResult& result);

/// Prints the document, or the table, what was done and `also`. Then throws one Error that names all steps that failed.
void tell(const Context& context, const RecipeResult& result, const Json& document, const std::string& also = "");

}  // namespace retort::cli
