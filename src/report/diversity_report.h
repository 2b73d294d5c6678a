/// \file diversity_report.h
/// The members of an ensemble: how their errors differ on the table's split, what val says of each of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/columns.h"
#include "report/evaluator.h"

namespace retort {

/// Of the ensemble in `path`; `others` are networks that might join it, those that are in it already are passed over.
/// Nothing where the monitor stopped it.
std::optional<EnsembleDiversity> describe_ensemble(Evaluator& evaluator, const std::string& path,
                                                   const std::vector<std::string>& others, const std::string& split);

/// What stands above the pairs; the pairs; what stands above the contributions; the contributions; the advice. The
/// first column of either table is the name.
std::string pairs_heading(const EnsembleDiversity& diversity);
std::vector<Column> pair_columns(const EnsembleDiversity& diversity);
std::string contributions_heading(const EnsembleDiversity& diversity);
std::vector<Column> contribution_columns(const EnsembleDiversity& diversity);
std::string advice(const EnsembleDiversity& diversity);

}  // namespace retort
