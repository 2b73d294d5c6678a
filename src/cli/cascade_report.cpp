#include "cli/cascade_report.h"

#include <algorithm>
#include <iomanip>

namespace retort::cli {

namespace {

constexpr double kSeconds = 4;  // measured

// The share that ended with each member; nothing where members do not run one after another, as with a cascade that is
// itself a member.
std::vector<double> differences(const std::vector<double>& run) {
  if (!std::is_sorted(run.rbegin(), run.rend())) return {};
  std::vector<double> out;
  for (size_t m = 0; m < run.size(); ++m) out.push_back(run[m] - (m + 1 < run.size() ? run[m + 1] : 0));
  return out;
}

}  // namespace

CascadeReport report_cascade(const Context& context, const Model& model, const Predictions& members,
                             const Samples& samples, const ModelOptions& options) {
  CascadeReport report{.members = members.members, .run = shares_run(model.combiner(), members)};
  for (size_t m = 0; m < report.run.size(); ++m) {
    report.macs += report.run[m] * static_cast<double>(model.member(static_cast<int64_t>(m)).cost.macs);
  }
  report.settled = differences(report.run);
  BenchOptions bench_options{.throughput_batch = 0, .seconds = kSeconds, .threads = context.threads_or_all()};
  bench_options.model = options;
  bench_options.samples = samples;
  report.measured = bench({model.path()}, bench_options, context.monitor()).at(0);
  return report;
}

Json cascade_report_json(const CascadeReport& r) {
  return {{"members", r.members},
          {"run", r.run},
          {"settled", r.settled},
          {"macs_mean", r.macs},
          {"threads", r.measured.threads},
          {"latency_mean", r.measured.latency_mean},
          {"latency_median", r.measured.latency_median},
          {"latency_p99", r.measured.latency_p99}};
}

std::string cascade_report_text(const CascadeReport& r) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << "\n  one image: mean " << 1e3 * r.measured.latency_mean << " ms, median "
      << 1e3 * r.measured.latency_median << " ms, p99 " << 1e3 * r.measured.latency_p99 << " ms on "
      << r.measured.threads << " threads; " << std::setprecision(0) << r.macs << " multiply-adds";
  for (size_t m = 0; m < r.members.size(); ++m) {
    out << "\n  " << r.members[m] << ": run for " << percent(r.run[m]);
    if (!r.settled.empty()) out << ", settles " << percent(r.settled[m]);
  }
  return out.str();
}

}  // namespace retort::cli
