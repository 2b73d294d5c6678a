/// \file support.h
/// Which of a table's changes the data support.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "retort/report.h"

namespace retort {

/// McNemar's test of two groups of runs, [run][sample]. Of one run each it is the test itself. Of several it is made
/// for each pair of runs, and twice the median of the p-values is one again, however the pairs depend on each other
/// (Rueschendorf 1982; Meinshausen et al. 2009): never the smallest.
Support test_groups(std::span<const std::vector<uint8_t>> a, std::span<const std::vector<uint8_t>> b);

/// Fills in what depends on how many comparisons the table shows: each row's change and each difference is one, but a
/// difference to the baseline, which is the same as its row's change.
void correct_support(Table& table);

}  // namespace retort
