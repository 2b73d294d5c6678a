/// \file evaluator.h
/// Runs networks over splits, each network once a split, however many ensembles hold it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "retort/report.h"

namespace retort {

/// Keeps a reference to both its arguments. Not thread-safe.
class Evaluator {
 public:
  Evaluator(const CompareOptions& options, const Monitor& monitor);

  const DataSet& data() const { return data_; }
  /// What is evaluated of a split.
  const Samples& samples(const std::string& split);
  Model open(const std::string& path) const;
  /// All members of a model side by side, or their combination; nothing where the monitor stopped it.
  std::optional<Predictions> members(Model& model, const std::string& split);
  std::optional<Predictions> combined(Model& model, const std::string& split);

 private:
  bool knows(const Model& model, const std::string& split) const;

  const CompareOptions& options_;
  const Monitor& monitor_;
  DataSet data_;
  std::map<std::string, Samples> samples_;                            ///< by split
  std::map<std::pair<std::string, std::string>, Predictions> known_;  ///< by split and the weights' hash
};

}  // namespace retort
