/// \file hub.h
/// Fetches a model from the hub into the cache.
#pragma once

#include "base/file.h"
#include "weights/config.h"

namespace retort {

struct HubRef {
  std::string repo;  ///< ORG/NAME
  std::string revision = "main";
};

/// The snapshot of `ref` in the cache, with both files. `name` opens the errors. Throws Error.
fs::path fetch_model(const std::string& name, const HubRef& ref, const HubOptions& options, const Monitor& monitor);

}  // namespace retort
