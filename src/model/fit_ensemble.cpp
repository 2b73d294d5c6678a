#include <set>

#include "base/file.h"
#include "base/machine.h"
#include "model/held_out.h"
#include "model/model_files.h"
#include "retort/model_bench.h"
#include "retort/network.h"

namespace retort {

namespace {

constexpr const char* kWhere = "ensemble";
constexpr const char* kMeasured = "measured";
constexpr const char* kMacs = "macs";
constexpr double kBenchSeconds = 0.5;  // a member

// What can be refused before any work.
void check_options(const EnsembleOptions& o) {
  std::error_code none;  // what cannot be looked at is refused where it is opened
  if (o.members.size() < 2) fail_usage(kWhere, o.members.size(), " members given; expected at least two");
  if (o.split != "val") {
    fail_usage(kWhere, "asked to fit on '", o.split, "'; test is for measuring only, and members know train by heart; ",
               "use val");
  }
  if (o.threads < 0) fail_usage(kWhere, "threads is ", o.threads, "; expected 0 (all cores) or more");
  if (o.out.empty()) fail_usage(kWhere, "no output directory given");
  if (fs::exists(o.out, none) && !fs::is_directory(o.out, none))
    fail_usage(o.out, "a file is in the way; choose another name");
  if (fs::exists(fs::path(o.out) / "config.json", none)) {
    fail_usage(o.out, "is a run directory; an ensemble needs a directory of its own");
  }
  std::set<fs::path> seen;
  for (const std::string& member : o.members) {
    if (!seen.insert(fs::weakly_canonical(member, none)).second) {
      fail_usage(member, "is given twice; a member has one vote, use the combiner 'weighted' for more");
    }
    if (fs::weakly_canonical(o.out, none) == fs::weakly_canonical(member, none)) {
      fail_usage(o.out, "is a member and the output; an ensemble needs a directory of its own");
    }
  }
  if (!o.cascade.empty()) check_cascade_target(o.cascade);
  if (o.cascade_cost != kMeasured && o.cascade_cost != kMacs) {
    fail_usage(kWhere, "a cost of '", o.cascade_cost, "'; expected ", kMeasured, " or ", kMacs);
  }
  make_combiner(o.method);  // an unknown method is an error now, not after all members have run
  if (!o.calibration.empty()) make_calibration(o.calibration);
}

// What running each member on one image costs.
std::vector<double> member_costs(const EnsembleOptions& o, const Samples& samples, const Monitor& monitor) {
  std::vector<double> costs;
  if (o.cascade_cost == kMacs) {
    for (const std::string& path : o.members) {
      costs.push_back(static_cast<double>(Model(path, o.model, monitor).cost().macs));
      if (costs.back() == 0) fail_usage(path, "its multiply-adds are not counted; let what it costs be ", kMeasured);
    }
    return costs;
  }
  const BenchOptions bench_options{.throughput_batch = 0,
                                   .seconds = kBenchSeconds,
                                   .threads = resolve_threads(o.threads),
                                   .model = o.model,
                                   .samples = samples,
                                   .peak_memory = {}};
  for (const Measurement& m : bench(o.members, bench_options, monitor)) costs.push_back(m.latency_median);
  if (monitor.stopping()) fail(kWhere, "stopped while measuring what members cost; nothing was written");
  return costs;
}

}  // namespace

Ensemble fit_ensemble(const EnsembleOptions& options, const Monitor& monitor) {
  check_options(options);
  set_threads(resolve_threads(options.threads));
  const DataSet data = open_data(options.data);
  const Samples samples = fit_samples(data, options.samples, options.skip_broken, monitor);
  Ensemble ensemble{.combiner = options.method, .data = data.spec, .data_hash = data.hash};
  const HeldOut held_out{data, samples, options.samples > 0, options.model, monitor};
  std::vector<Predictions> parts;
  for (const std::string& path : options.members) {
    parts.push_back(held_out.of(path));
    ensemble.members.push_back({full_ref(path, fs::current_path()), member_hash(resolve_model(path))});
  }
  const Predictions all = align_common(std::move(parts));
  const auto combiner = fit_combiner(options.method, all, options.threads);
  ensemble.fitted = combiner->fitted();
  const bool cascade = !options.cascade.empty();
  const std::string calibration = cascade && options.calibration.empty() ? "temperature" : options.calibration;
  if (combiner->needs_fit() || !calibration.empty()) ensemble.split = options.split;
  const Predictions combined = combine(*combiner, all, options.method);
  const Metrics metrics = evaluate(combined);
  ensemble.val_nll = metrics.nll;
  ensemble.val_accuracy = metrics.accuracy;
  if (!calibration.empty()) ensemble.calibration = calibrate(calibration, data, combined, options.threads);
  if (cascade) {
    const std::vector<double> costs = member_costs(options, samples, monitor);
    ensemble = fit_cascade(std::move(ensemble), all, {options.cascade, options.cascade_cost, costs, options.threads});
  } else {
    ensemble.drop_idle_members();
  }
  save_ensemble(options.out, ensemble);
  return load_ensemble(options.out);  // with the members' paths as they lie on disk
}

}  // namespace retort
