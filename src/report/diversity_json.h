/// \file diversity_json.h
/// An ensemble's members in the table's JSON.
#pragma once

#include "base/json.h"
#include "retort/report.h"

namespace retort {

Json diversity_json(const EnsembleDiversity& diversity);

}  // namespace retort
