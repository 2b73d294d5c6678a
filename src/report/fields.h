/// \file fields.h
/// Options as flags of the command line and keys of recipes (base/fields.h).
#pragma once

#include "base/fields.h"
#include "retort/report.h"

namespace retort {

Fields fields(CompareOptions& options);

}  // namespace retort
