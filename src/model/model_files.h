/// \file model_files.h
/// What a run's or an ensemble's files say of the networks behind it; no network is loaded.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retort/ensemble.h"

namespace retort {

/// The networks behind a model, those of ensembles within an ensemble one by one, and how they make one answer.
struct ModelFiles {
  struct Network {
    std::string ref;   ///< as it was given; of an ensemble's member: seen from here
    std::string hash;  ///< SHA-256 of its weights; of an ensemble's member: as it was when the ensemble was fitted
  };
  std::vector<Network> networks;
  std::unique_ptr<Combiner> combiner;  ///< of all networks, with the calibration
  bool is_ensemble = false;
  int64_t bytes = 0;  ///< of ensemble.json and calibration.json
};
/// Throws Error where files are damaged, or an ensemble within the ensemble was fitted again since.
ModelFiles read_model_files(const std::string& ref, const Monitor& monitor = {});

/// Throws Error where `directory` holds no finished run.
void check_run(const std::string& where, const std::filesystem::path& directory);
/// By what an ensemble knows the run or the ensemble in `path`, or the file that it is: SHA-256 of its weights, of its
/// ensemble.json, of the file.
std::string member_hash(const std::filesystem::path& path);

}  // namespace retort
