#include <atomic>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

#include "base/file.h"
#include "base/machine.h"
#include "base/random.h"
#include "retort/network.h"
#include "retort/train.h"
#include "train/input.h"
#include "train/options.h"

namespace retort {

namespace {

constexpr std::chrono::milliseconds kWait{500};

// Loads the teacher once to see that it fits; its networks are let go before the work.
LabelsInfo describe(const LabelOptions& options, const std::string& augment, const DataSet& data,
                    const Samples& samples, const Monitor& monitor) {
  const Model model(options.teacher, {.device = options.device, .precision = options.precision}, monitor);
  model.check_fits(data);
  LabelsInfo info{.data = data.spec,
                  .data_hash = data.hash,
                  .samples_hash = samples.hash(),
                  .split = samples.split,
                  .samples = samples.size(),
                  .classes = data.classes(),
                  .views = options.views,
                  .top = options.top,
                  .augment = augment,
                  .seed = options.seed,
                  .precision = model.precision()};
  for (int64_t m = 0; m < model.members(); ++m) {
    const Model::Member& member = model.member(m);
    info.teachers.push_back({model_name(member.path), member.path, member.hash});
  }
  return info;
}

// The largest difference of logits that were kept, as a share of the row's largest one (or of 1).
void compare_rows(LabelsCheck& check, const LabelsInfo& info, std::span<const float> stored,
                  std::span<const float> again) {
  const auto classes = static_cast<size_t>(info.classes);
  const size_t kept = info.top > 0 ? static_cast<size_t>(info.top) : classes;
  std::vector<size_t> order(classes);
  for (size_t row = 0; row < again.size(); row += classes, ++check.rows) {
    std::iota(order.begin(), order.end(), row);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](size_t a, size_t b) { return stored[a] > stored[b]; });
    double scale = 1, largest = 0;
    for (const size_t k : std::span(order).first(kept)) {
      scale = std::max(scale, std::abs(static_cast<double>(stored[k])));
      largest = std::max(largest, std::abs(static_cast<double>(stored[k]) - static_cast<double>(again[k])));
    }
    check.largest_difference = std::max(check.largest_difference, largest / scale);
  }
}

// Adds up what works side by side have done.
class SharedProgress {
 public:
  SharedProgress(const Monitor& monitor, std::string task, int64_t total)
      : monitor_(monitor), task_(std::move(task)), total_(total) {}

  /// The monitor of one of the works.
  Monitor part() {
    return {.progress =
                [this, before = int64_t{0}](const Progress& p) mutable {
                  const int64_t done = done_ += p.done - before;
                  before = p.done;
                  monitor_.tell({task_, done, total_, "images", ""});
                },
            .stop = monitor_.stop};
  }

 private:
  const Monitor& monitor_;
  std::string task_;
  int64_t total_;
  std::atomic<int64_t> done_{0};
};

// Processor time of this process since it was last asked; shards that are written side by side share it.
class CpuMeter {
 public:
  double take() {
    const double now = process_cpu_seconds();
    return now - last_.exchange(now);
  }

 private:
  std::atomic<double> last_{process_cpu_seconds()};
};

struct Shard {
  int64_t member, view;
};

std::vector<Shard> missing_shards(const LabelsWriter& writer, const LabelsInfo& info) {
  std::vector<Shard> missing;
  for (int64_t member = 0; member < std::ssize(info.teachers); ++member) {
    for (int64_t view = 0; view < info.views; ++view) {
      if (!writer.is_written(member, view)) missing.push_back({member, view});
    }
  }
  return missing;
}

// What the shards of one store are made from.
struct Labelling {
  const LabelOptions& options;
  const DataSet& data;
  const Samples& samples;
  const LabelsInfo& info;

  Predictions predict(int64_t member, const Samples& some, int64_t view, const Monitor& monitor) const {
    Model model(info.teachers[static_cast<size_t>(member)].path,
                {.device = options.device, .precision = options.precision});
    const PredictOptions how{
        .augment = Augment(info.augment), .seed = info.seed, .view = view, .mix_with = samples.indices};
    return retort::predict(model, data, some, how, monitor);
  }
};

// Writes those shards that no other process holds.
void write_shards(const Labelling& labelling, LabelsWriter& writer, const std::vector<Shard>& shards,
                  SharedProgress& progress, const Monitor& monitor) {
  const int threads = resolve_threads(labelling.options.threads);
  const int at_once = static_cast<int>(std::min<int64_t>(threads, std::ssize(shards)));
  CpuMeter cpu;
  parallel_for(at_once, std::ssize(shards), [&](int64_t i) {
    const auto& [member, view] = shards[static_cast<size_t>(i)];
    if (monitor.stopping()) return;
    const auto claim = writer.claim(member, view);
    if (!claim) return;
    set_threads(threads / at_once);
    const Predictions p = labelling.predict(member, labelling.samples, view, progress.part());
    if (p.samples == labelling.samples.size()) writer.write(member, view, p.logits, cpu.take());
  });
  set_threads(threads);
}

Samples labelled_samples(const LabelOptions& options, const DataSet& data, const Monitor& monitor) {
  Samples samples = data.train;
  if (options.skip_broken) samples = without_broken(samples, resolve_threads(options.threads), monitor);
  samples = samples.subset(options.samples);
  if (samples.size() == 0) fail(data.spec, "the split train has no samples; expected at least one");
  return samples;
}

}  // namespace

std::optional<LabelsInfo> write_labels(const LabelOptions& options, const Monitor& monitor) {
  check_options(options);
  const DataSet data = open_data(options.data);
  const Samples samples = labelled_samples(options, data, monitor);
  const LabelsInfo info = describe(options, resolve_augment(options.augment, data), data, samples, monitor);
  LabelsWriter writer(options.out, info);
  std::vector<Shard> missing = missing_shards(writer, info);
  SharedProgress progress(monitor, "label with " + model_name(options.teacher), std::ssize(missing) * samples.size());
  while (!missing.empty()) {
    write_shards({options, data, samples, info}, writer, missing, progress, monitor);
    if (monitor.stopping()) return std::nullopt;
    missing = missing_shards(writer, info);
    // Other processes hold those; what one that ends leaves undone is done here.
    if (!missing.empty()) std::this_thread::sleep_for(kWait);
  }
  return writer.finish();
}

LabelsCheck verify_labels(const LabelOptions& options, int64_t rows, const Monitor& monitor) {
  if (rows < 1) fail_usage("label", rows, " rows to verify; expected at least 1");
  const Labels labels(options.out);
  const LabelsInfo& info = labels.info();
  const DataSet data = open_data(options.data);
  const Samples samples = labelled_samples(options, data, monitor);
  LabelsInfo expected = info;
  expected.data_hash = data.hash;
  expected.samples_hash = samples.hash();
  expected.samples = samples.size();
  check_labels(options.out, info, expected);
  set_threads(resolve_threads(options.threads));
  LabelsCheck check{.tolerance = info.precision == "f32" ? 2e-3 : 5e-2};
  Rng rng = stream(options.seed, Purpose::sample);
  const int64_t members = std::ssize(info.teachers), each = std::max<int64_t>(1, rows / members);
  std::vector<float> stored;
  for (int64_t member = 0; member < members; ++member) {
    const auto view = static_cast<int64_t>(rng.below(static_cast<uint64_t>(info.views)));
    Samples some{samples.split, samples.source, {}};
    std::vector<int64_t> positions;
    for (int64_t i = 0; i < std::min(each, samples.size()); ++i) {
      positions.push_back(static_cast<int64_t>(rng.below(static_cast<uint64_t>(samples.size()))));
      some.indices.push_back(samples.indices[static_cast<size_t>(positions.back())]);
    }
    const Predictions again = Labelling{options, data, samples, info}.predict(member, some, view, monitor);
    stored.resize(static_cast<size_t>(members * std::ssize(positions) * info.classes));
    labels.read(view, positions, stored);
    const std::span<const float> own = std::span(stored).subspan(static_cast<size_t>(member) * again.logits.size());
    compare_rows(check, info, own, again.logits);
  }
  return check;
}

}  // namespace retort
