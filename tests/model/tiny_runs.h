/// \file tiny_runs.h
/// Run directories of small untrained networks, for tests of what stands above them.
#pragma once

#include <filesystem>
#include <string>

#include "retort/data.h"
#include "retort/network.h"
#include "retort/weights.h"
#include "retort/zoo.h"

namespace retort::test {

struct TinyRun {
  std::string model = "resnet8_half";
  uint64_t seed = 0;
};

inline ModelConfig config_for(const DataSet& data, const Graph& graph) {
  return {.architecture = graph.architecture,
          .num_classes = graph.classes,
          .num_features = 1,
          .preprocess = {.size = data.shape, .crop_pct = 1, .mean = data.mean, .std = data.std},
          .label_names = data.label_names,
          .first_conv = graph.first_conv,
          .classifier = graph.classifier};
}

/// Writes config.json and model.safetensors for `data` and returns the directory.
inline std::string write_run(const std::filesystem::path& directory, const DataSet& data, const TinyRun& run = {}) {
  const Network network(build_model(run.model, data.classes(), data.shape.channels), {.seed = run.seed});
  write_config(directory, config_for(data, network.graph()));
  network.save(weights_path(directory));
  return directory.string();
}

}  // namespace retort::test
