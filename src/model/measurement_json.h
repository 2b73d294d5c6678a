/// \file measurement_json.h
/// What running a model costs, as the files and the command's `--json` show it.
#pragma once

#include "base/json.h"
#include "retort/model.h"

namespace retort {

/// All but the model, which each caller names in its own way.
inline Json measurement_json(const Measurement& m) {
  return {{"batch", m.batch},
          {"threads", m.threads},
          {"precision", m.precision},
          {"latency_mean", m.latency_mean},
          {"latency_median", m.latency_median},
          {"latency_p99", m.latency_p99},
          {"throughput_batch", m.throughput_batch},
          {"throughput", m.throughput},
          {"peak_memory", m.peak_memory},
          {"size_on_disk", m.size_on_disk},
          {"parameters", m.parameters},
          {"macs", m.macs}};
}

}  // namespace retort
