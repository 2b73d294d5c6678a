/// \file metrics_json.h
/// Metrics as the files and the command's `--json` show them.
#pragma once

#include "base/json.h"
#include "retort/metrics.h"

namespace retort {

inline Json interval_json(const Interval& interval) { return Json::array({interval.low, interval.high}); }

inline Json metrics_json(const Metrics& m) {
  return {{"samples", m.samples},
          {"accuracy", m.accuracy},
          {"accuracy_interval", interval_json(m.accuracy_interval)},
          {"top5_accuracy", m.top5_accuracy},
          {"nll", m.nll},
          {"nll_interval", interval_json(m.nll_interval)},
          {"brier", m.brier},
          {"brier_interval", interval_json(m.brier_interval)},
          {"ece", m.ece}};
}

}  // namespace retort
