/// \file model_bench.h
/// What running models costs on this machine: latency, throughput, memory, energy.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retort/model.h"

namespace retort {

/// What running a model costs on this machine.
struct Measurement {
  std::string model, precision;
  int64_t batch = 1;
  int threads = 1, streams = 1;
  double latency_mean = 0, latency_median = 0, latency_p90 = 0, latency_p99 = 0;  ///< seconds a batch
  double latency_max = 0;
  double outliers = 0;      ///< share of calls that took more than twice the median
  double load_seconds = 0;  ///< to read it, and to compile it
  int64_t throughput_batch = 0;
  double throughput = 0;        ///< images a second at `throughput_batch`
  double joules_per_image = 0;  ///< of the processor's packages, in that batch if it is measured; 0: not readable
  int64_t peak_memory = 0;      ///< bytes; 0 where not measured
  int64_t size_on_disk = 0, parameters = 0, macs = 0;
};

struct BenchOptions {
  int64_t batch = 1;              ///< for latency
  int64_t throughput_batch = 64;  ///< 0: throughput is not measured
  double seconds = 2;             ///< measured time per model for either number, after warm-up
  int threads = 1;
  ModelOptions model;  ///< its batch is either of those above
  /// Real images to show, in a fixed random order and again from the first; a cascade needs them. Up to 1024 of them,
  /// or as many as 256 MB hold, are made ready before.
  std::optional<Samples> samples;
  /// Measures peak memory of running one model in a process of its own; the library cannot start itself again, the
  /// command can.
  std::function<int64_t(const std::string& path)> peak_memory;
};

/// Times models in turn, one call each, so that the machine's drift hits all alike: on the same samples, or on random
/// pixels of the members' size. The calling thread keeps `options.threads`. Stopped by the monitor, it returns what it
/// has measured by then. Throws a usage error on a cascade where there are no samples.
std::vector<Measurement> bench(const std::vector<std::string>& paths, const BenchOptions& options,
                               const Monitor& monitor = {});

/// The same for every setting of batches (1, 2, 4, ... to `throughput_batch`), threads (1, 2, 4, ... to `threads`) and,
/// where OpenVINO runs the model, streams (1, 2, 4, ... to the setting's threads). Throughput is that of the batch.
/// Models take turns within a setting. Peak memory is not measured.
std::vector<Measurement> sweep(const std::vector<std::string>& paths, const BenchOptions& options,
                               const Monitor& monitor = {});

/// Of one model's measurements the one with the highest throughput whose p90 latency is within `limit` seconds, the
/// earliest among equals; null where none is.
const Measurement* best_setting(std::span<const Measurement> of_model, double limit);

/// Loads a model, runs all members on three batches of either size that bench() times, and returns the highest resident
/// memory of this whole process so far, bytes. Only a process that does nothing else gives a number about the model.
int64_t measure_peak_memory(const std::string& path, const BenchOptions& options);

}  // namespace retort
