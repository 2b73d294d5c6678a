#include <algorithm>
#include <cmath>

#include "base/energy.h"
#include "base/machine.h"
#include "base/random.h"
#include "retort/model_bench.h"
#include "retort/network.h"

namespace retort {

namespace {

constexpr int kWarmUpCalls = 5;
constexpr size_t kMinCalls = 10, kMaxCalls = 100'000;
constexpr double kOutlier = 2;  // times the median
constexpr double kTellSeconds = 0.2;
constexpr int64_t kMostImages = 1024, kMostBytes = 256 << 20;

// What is shown to a model: for each of its inputs, images one after another.
struct Shown {
  int64_t images = 0;
  std::vector<std::vector<float>> pixels;  ///< [images, H, W, C] for each input
};

Shown random_images(const Model& model, int64_t count) {
  Shown shown{.images = count, .pixels = {}};
  Rng rng = stream(0, Purpose::sample);
  for (const Model::Input& input : model.inputs()) {
    std::vector<float>& images = shown.pixels.emplace_back(static_cast<size_t>(count * input.preprocess.size.numel()));
    for (float& pixel : images) pixel = static_cast<float>(rng.normal());
  }
  return shown;
}

// Whole batches of samples in a fixed random order, the same for all models; no more than fit into some memory, and
// some of them twice where they do not fill the last batch.
Shown real_images(const Model& model, const Samples& samples, int64_t batch) {
  int64_t size = 0;
  for (const Model::Input& input : model.inputs()) size += input.preprocess.size.numel();
  const int64_t fit = kMostBytes / (size * static_cast<int64_t>(sizeof(float)));
  const int64_t count = std::min(samples.size(), std::clamp<int64_t>(fit, 1, kMostImages));
  Shown shown{.images = (count + batch - 1) / batch * batch, .pixels = {}};
  for (const Model::Input& input : model.inputs()) {
    const auto numel = static_cast<size_t>(input.preprocess.size.numel());
    std::vector<float>& pixels = shown.pixels.emplace_back();
    const size_t whole = static_cast<size_t>(shown.images) * numel;
    pixels.reserve(whole);
    Loader loader(samples, input.preprocess, {.batch = 1, .shuffle = true});
    loader.start(/*epoch=*/0, kPlainView);
    for (int64_t i = 0; i < count; ++i) {
      const Batch& next = *loader.next();
      pixels.insert(pixels.end(), next.images.begin(), next.images.end());
    }
    for (size_t k = 0; pixels.size() < whole; ++k) pixels.push_back(pixels[k]);
  }
  return shown;
}

// One model, the images that it sees, and the seconds that its calls took.
class Timed {
 public:
  Timed(Model& model, int64_t batch, const std::optional<Samples>& samples)
      : model_(model),
        batch_(batch),
        shown_(samples ? real_images(model, *samples, batch) : random_images(model, batch)) {
    logits_.resize(static_cast<size_t>(batch * model.classes()));
  }

  void warm_up() {
    for (int i = 0; i < kWarmUpCalls; ++i) run();
    next_ = 0;
  }
  void time() {
    energy_.take();
    const double start = wall_seconds();
    run();
    seconds_.push_back(wall_seconds() - start);
    joules_ += energy_.take();
    total_ += seconds_.back();
  }
  bool enough(double seconds) const {
    return seconds_.size() >= kMaxCalls || (total_ >= seconds && seconds_.size() >= kMinCalls);
  }
  double total() const { return total_; }
  double mean() const { return seconds_.empty() ? 0 : total_ / static_cast<double>(seconds_.size()); }
  double images_per_second() const {
    return total_ > 0 ? static_cast<double>(batch_) * static_cast<double>(seconds_.size()) / total_ : 0;
  }
  double joules_per_image() const {
    return seconds_.empty() ? 0 : joules_ / static_cast<double>(batch_ * std::ssize(seconds_));
  }
  // Share of calls that took much longer than most.
  double outliers() const {
    const auto slow =
        std::ranges::count_if(seconds_, [limit = kOutlier * quantile(0.5)](double s) { return s > limit; });
    return seconds_.empty() ? 0 : static_cast<double>(slow) / static_cast<double>(seconds_.size());
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
  void run() {
    std::vector<const float*> images;
    for (const std::vector<float>& pixels : shown_.pixels) {
      images.push_back(pixels.data() + next_ * std::ssize(pixels) / shown_.images);
    }
    model_.logits(images, batch_, logits_.data());
    next_ = (next_ + batch_) % shown_.images;
  }

  Model& model_;
  int64_t batch_;
  Shown shown_;
  int64_t next_ = 0;  ///< the first image of the next batch
  std::vector<float> logits_;
  std::vector<double> seconds_;
  double total_ = 0, joules_ = 0;
  EnergyMeter energy_;
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

std::vector<Timed> time_in_turn(std::vector<Model>& models, int64_t batch, const BenchOptions& options,
                                const std::string& task, const Monitor& monitor) {
  std::vector<Timed> all;
  for (Model& model : models) all.emplace_back(model, batch, options.samples);
  for (Timed& timed : all) timed.warm_up();
  Teller teller(monitor, task, options.seconds);
  for (bool going = true; going && !teller.stopping(all);) {
    going = false;
    for (Timed& timed : all) {
      if (timed.enough(options.seconds)) continue;
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
  if (o.throughput_batch != 0) check("throughput_batch", o.throughput_batch);
  check("seconds", o.seconds);
  check("threads", o.threads);
}

Model load_for(const std::string& path, const BenchOptions& options, int64_t batch, const Monitor& monitor) {
  ModelOptions how = options.model;
  how.batch = batch;
  Model model(path, how, monitor);
  if (!model.is_cascade()) return model;
  if (!options.samples) {
    fail_usage(path, "is a cascade, whose cost depends on the images that it sees; give real ones by --data");
  }
  return Model(path, options.model, monitor);  // its members see fewer images
}

// Also says what they are, and how long that took.
std::vector<Model> load(const std::vector<std::string>& paths, const BenchOptions& options, int64_t batch,
                        std::vector<Measurement>& out, const Monitor& monitor) {
  std::vector<Model> models;
  for (const std::string& path : paths) {
    const double start = wall_seconds();
    const Model& model = models.emplace_back(load_for(path, options, batch, monitor));
    Measurement m{.model = path, .precision = model.precision(), .batch = batch};
    m.load_seconds = wall_seconds() - start;
    m.threads = options.threads;
    m.streams = model.streams();
    m.size_on_disk = model.size_on_disk();
    m.parameters = model.cost().parameters;
    m.macs = model.cost().macs;
    out.push_back(m);
  }
  return models;
}

void add_latency(Measurement& m, const Timed& timed) {
  m.latency_mean = timed.mean();
  m.latency_median = timed.quantile(0.5);
  m.latency_p90 = timed.quantile(0.9);
  m.latency_p99 = timed.quantile(0.99);
  m.latency_max = timed.quantile(1);
  m.outliers = timed.outliers();
  m.joules_per_image = timed.joules_per_image();
}

void add_throughput(Measurement& m, int64_t batch, const Timed& timed) {
  m.throughput_batch = batch;
  m.throughput = timed.images_per_second();
  m.joules_per_image = timed.joules_per_image();
}

}  // namespace

std::vector<Measurement> bench(const std::vector<std::string>& paths, const BenchOptions& options,
                               const Monitor& monitor) {
  check_options(options);
  set_threads(options.threads);
  std::vector<Measurement> out;
  {
    std::vector<Model> models = load(paths, options, options.batch, out, monitor);
    const std::vector<Timed> latency = time_in_turn(models, options.batch, options, "bench latency", monitor);
    for (size_t i = 0; i < out.size(); ++i) add_latency(out[i], latency[i]);
  }
  if (options.throughput_batch > 0) {
    std::vector<Measurement> again;
    std::vector<Model> models = load(paths, options, options.throughput_batch, again, monitor);
    const std::vector<Timed> throughput =
        time_in_turn(models, options.throughput_batch, options, "bench throughput", monitor);
    for (size_t i = 0; i < out.size(); ++i) add_throughput(out[i], options.throughput_batch, throughput[i]);
  }
  for (Measurement& m : out) {
    if (options.peak_memory && !monitor.stopping()) m.peak_memory = options.peak_memory(m.model);
  }
  return out;
}

int64_t measure_peak_memory(const std::string& path, const BenchOptions& options) {
  check_options(options);
  set_threads(options.threads);
  Model model(path, options.model);
  for (const int64_t batch : {options.batch, options.throughput_batch}) {
    const Shown shown = random_images(model, batch);
    std::vector<const float*> images;
    for (const std::vector<float>& pixels : shown.pixels) images.push_back(pixels.data());
    std::vector<float> logits(static_cast<size_t>(model.members() * batch * model.classes()));
    for (int i = 0; i < 3; ++i) model.member_logits(images, batch, logits.data());
  }
  return peak_memory_bytes();
}

}  // namespace retort
