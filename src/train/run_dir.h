/// \file run_dir.h
/// A run directory: what it may hold before training, and what it holds after.
#pragma once

#include <filesystem>
#include <vector>

#include "base/json.h"
#include "retort/network.h"
#include "retort/train.h"

namespace retort {

enum class Found { nothing, checkpoint, finished };
/// What `options.out` holds. Throws a usage error where training there would mix with what is there already.
Found look_into_run(const TrainOptions& options);

/// Throws a usage error where `options.out` is not a directory of runs to come, or with `resume` of runs begun.
void check_collection(const TrainOptions& options);

/// Directories of students that share a pass, below theirs: the backbone's name, with -2, -3 where it comes again.
std::vector<std::string> student_names(const std::vector<std::string>& models);

/// The run that a training leaves below its own after `epoch`.
std::filesystem::path snapshot_path(const TrainOptions& options, int64_t epoch);
/// Those of all epochs up to `epochs`.
std::vector<std::string> snapshot_paths(const TrainOptions& options, int64_t epochs);

/// timm's description of a net trained on `data`.
ModelConfig make_config(const Graph& graph, const DataSet& data, const Preprocess& preprocess);

/// Writes config.json, model.safetensors and metrics.json, in this order.
void write_model(const std::filesystem::path& directory, const ModelConfig& config, const Network& network,
                 const TrainResult& result);

/// What run.json says beside the result.
struct RunFile {
  std::filesystem::path directory;
  std::string role;  ///< "member" or "student"
  Json options;
  std::string data_hash, samples_hash, precision;
  std::vector<LabelsInfo::Teacher> teachers = {};
  double label_core_seconds = 0;
  Json made = Json::object();  ///< keys of runs that no training of their own made
};
/// Writes run.json, which makes the run a finished one, and removes the checkpoint.
void finish_run(const RunFile& run, const TrainResult& result);
/// What a finished run came to. Throws a usage error where it was trained with other options.
TrainResult read_result(const TrainOptions& options);

}  // namespace retort
