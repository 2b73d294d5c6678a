/// \file entries.h
/// Models as they were evaluated, and which of them share a row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/evaluator.h"
#include "report/run_facts.h"

namespace retort {

/// One model as it was evaluated; several seeds of one student become one row later.
struct Entry {
  std::string path, name;
  RunFacts facts;
  Metrics metrics;
  std::vector<uint8_t> correct;
  std::vector<std::string> networks;  ///< hashes of their weights
  Predictions answers;                ///< one member's, on the table's split
};
/// Nothing where the monitor stopped it.
std::optional<Entry> make_entry(Evaluator& evaluator, const std::string& path, const std::string& split);

/// Whether two paths lead to one place.
bool is_same_path(const std::string& a, const std::string& b);

/// What all seeds of one row have in common, the first one first.
using Group = std::vector<const Entry*>;
/// Students of one recipe and different seeds; all else stands alone, in the order given.
std::vector<Group> group_seeds(const std::vector<Entry>& entries);
/// Whether `other` is a student of the same architecture that learnt from labels alone.
bool is_scratch_of(const RunFacts& other, const RunFacts& student);
/// What the names of a group's runs begin with, whole words: "kd-seed1", "kd-seed2" -> "kd".
std::string common_name(const Group& group);
/// Who of a group is right on which sample, [run][sample].
std::vector<std::vector<uint8_t>> verdicts(const Group& group);

}  // namespace retort
