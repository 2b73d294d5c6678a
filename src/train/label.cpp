#include <atomic>

#include "base/file.h"
#include "base/machine.h"
#include "retort/network.h"
#include "retort/train.h"
#include "train/input.h"
#include "train/options.h"

namespace retort {

namespace {

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
                  .augment = augment,
                  .seed = options.seed,
                  .precision = model.precision()};
  for (int64_t m = 0; m < model.members(); ++m) {
    const Model::Member& member = model.member(m);
    info.teachers.push_back({model_name(member.path), member.path, member.hash});
  }
  return info;
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

}  // namespace

std::optional<LabelsInfo> write_labels(const LabelOptions& options, const Monitor& monitor) {
  check_options(options);
  const DataSet data = open_data(options.data);
  Samples samples = data.train;
  if (options.skip_broken) samples = without_broken(samples, resolve_threads(options.threads), monitor);
  samples = samples.subset(options.samples);
  if (samples.size() == 0) fail(data.spec, "the split train has no samples; expected at least one");
  const std::string augment = resolve_augment(options.augment, data);
  LabelsInfo info = describe(options, augment, data, samples, monitor);
  LabelsWriter writer(options.out, info);

  const double start = process_cpu_seconds();
  const int64_t works = std::ssize(info.teachers) * options.views;
  const int threads = resolve_threads(options.threads);
  const int at_once = static_cast<int>(std::min<int64_t>(threads, works));
  SharedProgress progress(monitor, "label with " + model_name(options.teacher), works * samples.size());
  std::atomic<int64_t> written{0};
  parallel_for(at_once, works, [&](int64_t i) {
    if (monitor.stopping()) return;
    set_threads(threads / at_once);
    const int64_t member = i / options.views, view = i % options.views;
    Model model(info.teachers[static_cast<size_t>(member)].path,
                {.device = options.device, .precision = options.precision});
    const PredictOptions how{.augment = Augment(augment), .seed = options.seed, .view = view};
    const Predictions predictions = predict(model, data, samples, how, progress.part());
    if (predictions.samples < samples.size()) return;  // stopped
    writer.write(member, view, predictions.logits);
    ++written;
  });
  set_threads(threads);
  if (written < works) return std::nullopt;
  info.core_seconds = process_cpu_seconds() - start;
  writer.finish(info.core_seconds);
  return info;
}

}  // namespace retort
