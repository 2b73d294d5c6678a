#include <algorithm>

#include "retort/model_bench.h"

namespace retort {

namespace {

// The batch gives latency and throughput at once.
std::vector<Measurement> measure_setting(const std::vector<std::string>& paths, BenchOptions options, int threads,
                                         int streams, int64_t batch, const Monitor& monitor) {
  options.batch = batch;
  options.throughput_batch = 0;
  options.threads = threads;
  options.model.streams = streams;
  options.peak_memory = {};
  std::vector<Measurement> measured = bench(paths, options, monitor);
  std::erase_if(measured, [&](const Measurement& m) { return m.streams != streams; });
  for (Measurement& m : measured) {
    m.throughput_batch = batch;
    m.throughput = m.latency_mean > 0 ? static_cast<double>(batch) / m.latency_mean : 0;
  }
  return measured;
}

}  // namespace

std::vector<Measurement> sweep(const std::vector<std::string>& paths, const BenchOptions& options,
                               const Monitor& monitor) {
  std::vector<Measurement> out;
  for (int threads = 1; threads <= options.threads; threads *= 2) {
    std::vector<std::string> some = paths;
    for (int streams = 1; streams <= threads && !some.empty(); streams *= 2) {
      for (int64_t batch = streams; batch <= options.throughput_batch && !monitor.stopping(); batch *= 2) {
        const std::vector<Measurement> measured = measure_setting(some, options, threads, streams, batch, monitor);
        out.insert(out.end(), measured.begin(), measured.end());
        some.clear();
        for (const Measurement& m : measured) some.push_back(m.model);
      }
    }
  }
  return out;
}

const Measurement* best_setting(std::span<const Measurement> of_model, double limit) {
  const Measurement* best = nullptr;
  for (const Measurement& m : of_model) {
    if (m.latency_p90 <= limit && (!best || m.throughput > best->throughput)) best = &m;
  }
  return best;
}

}  // namespace retort
