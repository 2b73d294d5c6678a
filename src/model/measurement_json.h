/// \file measurement_json.h
/// What running a model costs, as the files and the command's `--json` show it.
#pragma once

#include "base/json.h"
#include "retort/model_bench.h"

namespace retort {

/// All but the model, which each caller names in its own way.
inline Json measurement_json(const Measurement& m) {
  return {{"batch", m.batch},
          {"threads", m.threads},
          {"streams", m.streams},
          {"precision", m.precision},
          {"latency_mean", m.latency_mean},
          {"latency_median", m.latency_median},
          {"latency_p90", m.latency_p90},
          {"latency_p99", m.latency_p99},
          {"latency_max", m.latency_max},
          {"outliers", m.outliers},
          {"load_seconds", m.load_seconds},
          {"throughput_batch", m.throughput_batch},
          {"throughput", m.throughput},
          {"joules_per_image", m.joules_per_image},
          {"peak_memory", m.peak_memory},
          {"size_on_disk", m.size_on_disk},
          {"parameters", m.parameters},
          {"macs", m.macs}};
}

}  // namespace retort
