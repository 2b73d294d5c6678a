/// \file run_json.h
/// A run's run.json (docs/formats.md), which training writes: read in one place for all who ask what a run is.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/json.h"

namespace retort {

inline constexpr int64_t kRunVersion = 1;

/// The run that `directory` belongs to: itself, or where it is RUN/best, RUN, which has the files that tell of the run.
std::filesystem::path run_of(const std::filesystem::path& directory);

/// What run.json of the run that `directory` belongs to says; null where there is none. Throws Error where it is no
/// JSON or of another version.
Json read_run_json(const std::filesystem::path& directory);

}  // namespace retort
