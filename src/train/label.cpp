#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/file.h"
#include "base/machine.h"
#include "base/random.h"
#include "model/int8_plan.h"
#include "model/model_files.h"
#include "retort/network.h"
#include "retort/train.h"
#include "train/input.h"
#include "train/label_rows.h"
#include "train/options.h"
#include "train/selection.h"
#include "train/teacher_check.h"

namespace retort {

namespace {

constexpr std::chrono::milliseconds kWait{500};
constexpr int64_t kCompared = 64;

// OpenVINO has the CPU's faster kernels; features are looked at in LibTorch's networks.
ModelOptions model_options(const LabelOptions& o, const Samples& samples) {
  const bool openvino = o.device == "cpu" && o.features.empty();
  ModelOptions how{.device = o.device, .precision = o.precision, .runtime = openvino ? o.runtime : "libtorch"};
  how.calibration = samples.subset(std::min(kCalibrationImages, samples.size()));
  return how;
}

// The largest difference of a logit from what the members say in float32, on a few samples.
double difference_from_float32(const LabelOptions& options, Model& model, const Samples& samples,
                               const Monitor& monitor) {
  const Samples few = samples.subset(std::min(kCompared, samples.size()));
  Model exact(options.teacher, {.device = options.device}, monitor);
  const Predictions a = predict(model, few), b = predict(exact, few);
  double largest = 0;
  for (size_t i = 0; i < a.logits.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a.logits[i]) - static_cast<double>(b.logits[i])));
  }
  return largest;
}

// Loads the teacher once to see that it fits; its networks are let go before the work.
LabelsInfo describe(const LabelOptions& options, const std::string& augment, const DataSet& data,
                    const Monitor& monitor) {
  Model model(options.teacher, model_options(options, data.train), monitor);
  model.check_fits(data);
  LabelsInfo info = labels_info(data);
  info.views = options.views;
  info.top = options.top;
  info.augment = augment;
  info.seed = options.seed;
  info.precision = model.precision();
  info.float32_difference = difference_from_float32(options, model, data.train, monitor);
  for (int64_t m = 0; m < model.members(); ++m) {
    const Model::Member& member = model.member(m);
    info.teachers.push_back(
        {model_name(member.path), member.path, member.hash, find_features(model, m, options.features)});
  }
  return info;
}

// The largest difference of the `kept` highest numbers of each row, as a share of the row's largest one (or of 1).
void compare_rows(LabelsCheck& check, int64_t length, int64_t kept, std::span<const float> stored,
                  std::span<const float> again) {
  const auto columns = static_cast<size_t>(length);
  std::vector<size_t> order(columns);
  for (size_t row = 0; row < again.size(); row += columns) {
    std::iota(order.begin(), order.end(), row);
    std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                      [&](size_t a, size_t b) { return stored[a] > stored[b]; });
    double scale = 1, largest = 0;
    for (const size_t k : std::span(order).first(static_cast<size_t>(kept))) {
      scale = std::max(scale, std::abs(static_cast<double>(stored[k])));
      largest = std::max(largest, std::abs(static_cast<double>(stored[k]) - static_cast<double>(again[k])));
    }
    check.largest_difference = std::max(check.largest_difference, largest / scale);
  }
}

// One member's rows against what it says again.
void compare_with(LabelsCheck& check, const Labels& labels, int64_t member, int64_t view,
                  const std::vector<int64_t>& positions, const LabelRows& again) {
  const LabelsInfo& info = labels.info();
  const LabelsInfo::Teacher& teacher = info.teachers[static_cast<size_t>(member)];
  std::vector<float> stored(info.teachers.size() * again.logits.size());
  labels.read(view, positions, stored);
  const std::span<const float> own =
      std::span(stored).subspan(static_cast<size_t>(member) * again.logits.size(), again.logits.size());
  compare_rows(check, info.classes, info.top > 0 ? info.top : info.classes, own, again.logits);
  for (size_t f = 0; f < teacher.features.size(); ++f) {
    const auto& [tap, length] = teacher.features[f];
    stored.resize(again.features[f].size());
    labels.read_features(member, tap, view, positions, stored);
    compare_rows(check, length, length, stored, again.features[f]);
  }
  check.rows += std::ssize(positions);
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
class Labelling {
 public:
  Labelling(const LabelOptions& how, const Samples& whole, const LabelsInfo& info)
      : options(how), samples(whole), info_(info), model_options_(model_options(how, whole)) {}

  const LabelOptions& options;
  const Samples& samples;

  /// Thread-safe.
  LabelRows rows(int64_t member, const Samples& some, int64_t view, const Monitor& monitor) {
    const PredictOptions how{
        .augment = Augment(info_.augment), .seed = info_.seed, .view = view, .mix_with = samples.indices};
    Model model = take(member);
    LabelRows rows = label_rows(model, teacher(member).features, some, how, monitor);
    const std::lock_guard lock(mutex_);
    idle_[member].push_back(std::move(model));
    return rows;
  }

 private:
  const LabelsInfo::Teacher& teacher(int64_t member) const { return info_.teachers[static_cast<size_t>(member)]; }
  // One that has made another view; those of other members have done theirs, mostly.
  Model take(int64_t member) {
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(idle_, [&](const auto& entry) { return entry.first != member; });
      if (std::vector<Model>& own = idle_[member]; !own.empty()) {
        Model model = std::move(own.back());
        own.pop_back();
        return model;
      }
    }
    return Model(teacher(member).path, model_options_);
  }

  const LabelsInfo& info_;
  ModelOptions model_options_;
  std::mutex mutex_;
  std::map<int64_t, std::vector<Model>> idle_;
};

// Writes those shards that no other process holds.
void write_shards(Labelling& labelling, LabelsWriter& writer, const std::vector<Shard>& shards,
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
    const LabelRows rows = labelling.rows(member, labelling.samples, view, progress.part());
    if (rows.samples < labelling.samples.size()) return;
    writer.write(member, view, rows.logits, cpu.take(), rows.features);
  });
  set_threads(threads);
}

}  // namespace

std::optional<LabelsInfo> write_labels(const LabelOptions& options, const Monitor& monitor) {
  check_options(options);
  set_threads(resolve_threads(options.threads));
  const DataSet data = select_samples(options, open_data(options.data), monitor);
  const Samples& samples = data.train;
  const LabelsInfo info = describe(options, resolve_augment(options.augment, data), data, monitor);
  LabelsWriter writer(options.out, info);
  std::vector<Shard> missing = missing_shards(writer, info);
  Labelling labelling(options, samples, info);
  SharedProgress progress(monitor, "label with " + model_name(options.teacher), std::ssize(missing) * samples.size());
  while (!missing.empty()) {
    write_shards(labelling, writer, missing, progress, monitor);
    if (monitor.stopping()) return std::nullopt;
    missing = missing_shards(writer, info);
    // Other processes hold those; what one that ends leaves undone is done here.
    if (!missing.empty()) std::this_thread::sleep_for(kWait);
  }
  const LabelsInfo written = writer.finish();
  check_store(Labels(options.out), *read_model_files(options.teacher).combiner, samples, model_name(options.teacher),
              monitor);
  return written;
}

LabelsCheck verify_labels(const LabelOptions& options, int64_t rows, const Monitor& monitor) {
  if (rows < 1) fail_usage("label", rows, " rows to verify; expected at least 1");
  const Labels labels(options.out);
  const LabelsInfo& info = labels.info();
  const DataSet data = select_samples(options, open_data(options.data), monitor);
  const Samples& samples = data.train;
  LabelsInfo expected = info;
  expected.data_hash = data.hash;
  expected.unlabeled = data.unlabeled;
  expected.unlabeled_hash = data.unlabeled_hash;
  expected.samples_hash = samples.hash();
  expected.samples = samples.size();
  check_labels(options.out, info, expected);
  set_threads(resolve_threads(options.threads));
  LabelsCheck check{.tolerance = info.precision == "f32" ? 2e-3 : 5e-2};
  Labelling labelling(options, samples, info);
  Rng rng = stream(options.seed, Purpose::sample);
  const int64_t members = std::ssize(info.teachers), each = std::max<int64_t>(1, rows / members);
  for (int64_t member = 0; member < members; ++member) {
    const auto view = static_cast<int64_t>(rng.below(static_cast<uint64_t>(info.views)));
    Samples some{samples.split, samples.source, {}};
    std::vector<int64_t> positions;
    for (int64_t i = 0; i < std::min(each, samples.size()); ++i) {
      positions.push_back(static_cast<int64_t>(rng.below(static_cast<uint64_t>(samples.size()))));
      some.indices.push_back(samples.indices[static_cast<size_t>(positions.back())]);
    }
    compare_with(check, labels, member, view, positions, labelling.rows(member, some, view, monitor));
  }
  return check;
}

}  // namespace retort
