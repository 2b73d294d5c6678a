/// \file cascade_report.h
/// What `eval` tells of a cascade beside its metrics.
#pragma once

#include "cli/command.h"
#include "retort/model_bench.h"

namespace retort::cli {

/// How often each member runs, and what one image costs.
struct CascadeReport {
  std::vector<std::string> members;  ///< in the order they run
  std::vector<double> run, settled;  ///< shares of the samples: that a member runs for, that end with it (or empty)
  double macs = 0;                   ///< mean of an image
  Measurement measured;              ///< single images of the samples
};
/// `members`: all members' logits of `samples`. Measures anew on each call.
CascadeReport report_cascade(const Context& context, const Model& model, const Predictions& members,
                             const Samples& samples, const ModelOptions& options);

Json cascade_report_json(const CascadeReport& report);
std::string cascade_report_text(const CascadeReport& report);

}  // namespace retort::cli
