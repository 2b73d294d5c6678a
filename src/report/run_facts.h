/// \file run_facts.h
/// What a model's directory says of how it was made.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace retort {

struct RunFacts {
  std::string kind = "member";  ///< "member", "ensemble" or "student"
  std::string method;           ///< combiner, "from scratch" or the distillation; empty where nothing says
  std::string architecture;     ///< of a run
  std::string recipe;           ///< equal for runs that differ in nothing but seeds; empty where nothing says
  uint64_t seed = 0;
  bool distilled = false, is_cascade = false;
  /// Of a distilled student: its teacher as it was given, and where it had stored members alone, how they were
  /// combined.
  std::string teacher, combiner;
  std::vector<std::string> teacher_networks;  ///< hashes of their weights
  bool is_calibrated = false;                 ///< a run with a calibration of its own
  double train_core_seconds = 0, label_core_seconds = 0;
  std::optional<double> val_accuracy;  ///< as training, or the ensemble's fit, left it
};

/// Reads run.json and metrics.json, or ensemble.json and what its members say. Files that are not there leave their
/// facts empty, damaged ones throw Error. Of a model of the hub nothing is known but that it is pretrained.
RunFacts read_facts(const std::string& ref);

}  // namespace retort
