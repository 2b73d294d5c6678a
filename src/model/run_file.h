/// \file run_file.h
/// What run.json says of the trainings behind models.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort {

/// Core seconds of training, and of writing the soft labels.
struct RunCost {
  double train = 0, label = 0;
};
/// The sum over the runs behind `refs`, which may be ensembles. Snapshots of one training share what came before them,
/// so that the latest stands for all. What no run.json tells of costs nothing that is known. Throws Error on damaged
/// files.
RunCost cost_of_runs(const std::vector<std::string>& refs);

/// Throws a usage error where the run is one of several folds, which has learnt from most of val: nothing may be fitted
/// or chosen with it there. Runs that nothing is known of pass.
void check_val_unseen(const std::filesystem::path& directory);

}  // namespace retort
