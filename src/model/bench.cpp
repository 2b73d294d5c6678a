#include <algorithm>
#include <cmath>

#include "base/machine.h"
#include "base/random.h"
#include "retort/model.h"
#include "retort/network.h"

namespace retort {

namespace {

constexpr int kWarmUpCalls = 5;
constexpr size_t kMinCalls = 10, kMaxCalls = 100'000;
constexpr double kTellSeconds = 0.2;

// One model with random pixels and the seconds that its calls took.
class Timed {
 public:
  Timed(Model& model, int64_t batch) : model_(model), batch_(batch) {
    Rng rng = stream(0, Purpose::sample);
    for (const Model::Input& input : model.inputs()) {
      std::vector<float>& images = images_.emplace_back(static_cast<size_t>(batch * input.preprocess.size.numel()));
      for (float& pixel : images) pixel = static_cast<float>(rng.normal());
      inputs_.push_back(images.data());
    }
    logits_.resize(static_cast<size_t>(batch * model.classes()));
  }

  void run() { model_.logits(inputs_, batch_, logits_.data()); }
  void time() {
    const double start = wall_seconds();
    run();
    seconds_.push_back(wall_seconds() - start);
    total_ += seconds_.back();
  }
  bool enough(double seconds) const {
    return seconds_.size() >= kMaxCalls || (total_ >= seconds && seconds_.size() >= kMinCalls);
  }
  double total() const { return total_; }
  double images_per_second() const {
    return total_ > 0 ? static_cast<double>(batch_) * static_cast<double>(seconds_.size()) / total_ : 0;
  }
  // The smallest time that a share `q` of calls did not exceed.
  double quantile(double q) const {
    if (seconds_.empty()) return 0;
    std::vector<double> sorted = seconds_;
    const auto rank = static_cast<ptrdiff_t>(std::ceil(q * static_cast<double>(sorted.size()))) - 1;
    const auto nth = sorted.begin() + std::max<ptrdiff_t>(rank, 0);
    std::nth_element(sorted.begin(), nth, sorted.end());
    return *nth;
  }

 private:
  Model& model_;
  int64_t batch_;
  std::vector<std::vector<float>> images_;  ///< for each of the model's inputs
  std::vector<const float*> inputs_;        ///< into images_, whose buffers stay where they are
  std::vector<float> logits_;
  std::vector<double> seconds_;
  double total_ = 0;
};

// Tells of measured seconds a few times a second; asking more often would disturb what is measured.
class Teller {
 public:
  Teller(const Monitor& monitor, std::string task, double seconds_each)
      : monitor_(monitor), task_(std::move(task)), seconds_each_(seconds_each) {}
  bool stopping(const std::vector<Timed>& all) {
    if (wall_seconds() - last_ < kTellSeconds) return false;
    last_ = wall_seconds();
    double done = 0;
    for (const Timed& timed : all) done += std::min(timed.total(), seconds_each_);
    const double total = seconds_each_ * static_cast<double>(all.size());
    monitor_.tell({task_, milliseconds(done), milliseconds(total), "ms", ""});
    return monitor_.stopping();
  }

 private:
  static int64_t milliseconds(double seconds) { return std::llround(1e3 * seconds); }
  const Monitor& monitor_;
  std::string task_;
  double seconds_each_;
  double last_ = 0;
};

std::vector<Timed> time_in_turn(std::vector<Model>& models, int64_t batch, double seconds, const std::string& task,
                                const Monitor& monitor) {
  std::vector<Timed> all;
  for (Model& model : models) all.emplace_back(model, batch);
  for (Timed& timed : all) {
    for (int i = 0; i < kWarmUpCalls; ++i) timed.run();
  }
  Teller teller(monitor, task, seconds);
  for (bool going = true; going && !teller.stopping(all);) {
    going = false;
    for (Timed& timed : all) {
      if (timed.enough(seconds)) continue;
      timed.time();
      going = true;
    }
  }
  return all;
}

void check_options(const BenchOptions& o) {
  const auto check = [](const char* name, auto value) {
    const bool good = value > 0 && std::isfinite(static_cast<double>(value));
    if (!good) fail_usage("bench", name, " is ", value, "; expected more than 0");
  };
  check("batch", o.batch);
  check("throughput_batch", o.throughput_batch);
  check("seconds", o.seconds);
  check("threads", o.threads);
}

}  // namespace

std::vector<Measurement> bench(const std::vector<std::string>& paths, const BenchOptions& options,
                               const Monitor& monitor) {
  check_options(options);
  set_threads(options.threads);
  std::vector<Model> models;
  for (const std::string& path : paths) models.emplace_back(path, options.model, monitor);
  const std::vector<Timed> latency = time_in_turn(models, options.batch, options.seconds, "bench latency", monitor);
  const std::vector<Timed> throughput =
      time_in_turn(models, options.throughput_batch, options.seconds, "bench throughput", monitor);
  std::vector<Measurement> out;
  for (size_t i = 0; i < models.size(); ++i) {
    Measurement m{.model = paths[i], .precision = models[i].precision(), .batch = options.batch};
    m.threads = options.threads;
    m.latency_median = latency[i].quantile(0.5);
    m.latency_p99 = latency[i].quantile(0.99);
    m.throughput_batch = options.throughput_batch;
    m.throughput = throughput[i].images_per_second();
    if (options.peak_memory && !monitor.stopping()) m.peak_memory = options.peak_memory(paths[i]);
    m.size_on_disk = models[i].size_on_disk();
    m.parameters = models[i].cost().parameters;
    m.macs = models[i].cost().macs;
    out.push_back(m);
  }
  return out;
}

int64_t measure_peak_memory(const std::string& path, const BenchOptions& options) {
  check_options(options);
  set_threads(options.threads);
  Model model(path, options.model);
  for (const int64_t batch : {options.batch, options.throughput_batch}) {
    Timed timed(model, batch);
    for (int i = 0; i < 3; ++i) timed.run();
  }
  return peak_memory_bytes();
}

}  // namespace retort
