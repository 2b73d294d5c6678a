/// \file metrics_json.h
/// Metrics as the files and the command's `--json` show them.
#pragma once

#include "base/json.h"
#include "retort/metrics.h"

namespace retort {

inline Json interval_json(const Interval& interval) { return Json::array({interval.low, interval.high}); }

inline Json metrics_json(const Metrics& m) {
  return {{"samples", m.samples}, {"accuracy", m.accuracy}, {"accuracy_interval", interval_json(m.accuracy_interval)},
          {"nll", m.nll},         {"brier", m.brier},       {"ece", m.ece}};
}

}  // namespace retort
