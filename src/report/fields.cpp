#include "report/fields.h"

namespace retort {

Fields fields(CompareOptions& o) {
  return {{"models", &o.models, "Runs and ensembles, in the table's order"},
          {"baseline", &o.baseline, "The model that changes are against; the best member on val where it is left out"},
          {"data", &o.data, "Data set"},
          {"split", &o.split, "train, val or test"},
          {"skip_broken", &o.skip_broken, "Look for images that cannot be read, and leave them out"},
          {"seconds", &o.bench.seconds, "Measured time a model, for speed"},
          {"speed", &o.measure_speed, "Measure latency, throughput and memory"},
          {"diversity", &o.diversity,
           "How the members of each ensemble differ, and what val says of dropping and adding one"}};
}

}  // namespace retort
