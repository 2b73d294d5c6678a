/// \file fields.h
/// Options as flags of the command line and keys of recipes (base/fields.h).
#pragma once

#include "base/fields.h"
#include "retort/model.h"

namespace retort {

Fields fields(EnsembleOptions& options);
Fields fields(CalibrateOptions& options);

}  // namespace retort
