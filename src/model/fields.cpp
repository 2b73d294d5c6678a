#include "model/fields.h"

namespace retort {

Fields fields(EnsembleOptions& o) {
  return {
      {"members", &o.members, "Runs and ensembles, two or more"},
      {"method", &o.method, "Combiner (see: retort list combiners)"},
      {"calibrate", &o.calibration, "Calibration of what was combined, fitted on val (see: retort list calibrations)"},
      {"cascade", &o.cascade,
       "Run members one after another until sure: 'same' accuracy at the least cost, or the best at a share of it"},
      {"cost", &o.cascade_cost, "A member's cost in a cascade: measured (latency of one image) or macs"},
      {"data", &o.data, "Data set whose val split is fitted on"},
      {"split", &o.split, "Split to fit on; test is refused"},
      {"samples", &o.samples, "Fit on a fixed subset of this many samples; 0 is all"},
      {"skip_broken", &o.skip_broken, "Look for images that cannot be read, and leave them out"},
      {"out", &o.out, "Directory to make"}};
}

Fields fields(CalibrateOptions& o) {
  return {{"model", &o.path, "A run or an ensemble; its calibration is kept with it"},
          {"method", &o.method, "Calibration (see: retort list calibrations)"},
          {"data", &o.data, "Data set whose val split is fitted on"},
          {"samples", &o.samples, "Fit on a fixed subset of this many samples; 0 is all"},
          {"skip_broken", &o.skip_broken, "Look for images that cannot be read, and leave them out"}};
}

}  // namespace retort
