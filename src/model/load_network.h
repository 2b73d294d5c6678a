/// \file load_network.h
/// The network of a run directory.
#pragma once

#include <filesystem>

#include "retort/model.h"
#include "retort/network.h"

namespace retort {

/// Builds it as `config` says and loads its weights. Throws Error on damaged ones.
Network load_network(const std::filesystem::path& directory, const ModelConfig& config, const ModelOptions& options);

}  // namespace retort
