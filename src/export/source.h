/// \file source.h
/// What is to be exported: the files of a run or an ensemble, read and held against each other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "retort/ensemble.h"
#include "retort/graph.h"
#include "retort/weights.h"

namespace retort {

/// A network with its weights.
struct ExportNetwork {
  std::string name;                 ///< of its directory or on the hub
  std::filesystem::path directory;  ///< with config.json and model.safetensors
  std::string sha256;               ///< of its weights
  ModelConfig config;
  Graph graph;
};

/// How parts make one answer. A run is one part without a combiner.
struct ExportMix {
  struct Part {
    size_t network = 0;              ///< index into ExportSource::networks, where there is no mix
    std::unique_ptr<ExportMix> mix;  ///< an ensemble within the ensemble
  };
  std::vector<Part> parts;
  std::string combiner;  ///< spec; empty: the one part as it is
  Fitted fitted;
  std::optional<Calibration> calibration;
};

struct ExportSource {
  std::string name;
  std::vector<ExportNetwork> networks;
  ExportMix mix;
  Json provenance;
};

/// Reads what `ref` means. Throws Error on damaged files, members that are not those that the ensemble was fitted with,
/// and ones that are no run.
ExportSource read_export_source(const std::string& ref, const Monitor& monitor);

}  // namespace retort
