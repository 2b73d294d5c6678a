#include "ship/int8.h"

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/machine.h"
#include "retort/metrics.h"
#include "ship/check.h"
#include "ship/ranges.h"

namespace retort {

namespace {

constexpr const char* kWhere = "export --precision int8";
constexpr int64_t kFewestImages = 32, kImagesForErrors = 64, kBatch = 16;

std::vector<float> images_of(const Samples& samples, const Preprocess& preprocess) {
  std::vector<float> images;
  images.reserve(static_cast<size_t>(samples.size() * preprocess.size.numel()));
  Loader loader(samples, preprocess, {.batch = 1, .workers = usable_cores()});
  loader.start(/*epoch=*/0, kPlainView);
  while (const Batch* batch = loader.next()) images.insert(images.end(), batch->images.begin(), batch->images.end());
  return images;
}

// Images of one colour each, or all the same, tell nothing of ranges.
void check_images(const std::string& data, std::span<const float> images, size_t numel) {
  bool plain = true, same = true;
  for (size_t i = 0; i < images.size() && (plain || same); ++i) {
    plain &= images[i] == images[i / numel * numel];
    same &= images[i] == images[i % numel];
  }
  if (!plain && !same) return;
  fail(data, "its calibration images are all ", plain ? "of one value" : "the same",
       "; ranges cannot be learnt from them; give real images");
}

// Of a file that takes pixels, mean and deviation are the session's, not the network's.
std::vector<float> calibration_images(const Int8Task& task, const Session& session) {
  const Samples samples = task.data.train.subset(task.options.int8.samples);
  if (samples.size() < kFewestImages) {
    fail(task.data.spec, "has ", samples.size(), " images of train to calibrate with; expected at least ",
         kFewestImages);
  }
  const Preprocess& preprocess = session.config().preprocess;
  std::vector<float> images = images_of(samples, preprocess);
  check_images(task.data.spec, images, static_cast<size_t>(preprocess.size.numel()));
  return images;
}

Int8Plan plan_from(const Int8Task& task, std::span<const float> images) {
  std::set<std::string> names, pixels;
  for (const Int8Layer& layer : task.facts.int8_layers) {
    names.insert(layer.inputs.begin(), layer.inputs.end());
    if (layer.sees_images) pixels.insert(layer.inputs[0]);
  }
  Int8Plan plan;
  for (auto& [name, stats] :
       observe(task.reference, {names.begin(), names.end()}, images, resolve_threads(task.options.threads))) {
    const bool pixel = pixels.contains(name);  // whose range is what it is; none is an outlier
    const float limit = clipped_at(pixel ? "minmax" : task.options.int8.range, stats);
    plan.values[name] = {std::max(stats.low, -limit), std::min(stats.high, limit), std::move(stats.means)};
  }
  return plan;
}

fs::path write_trial(const Int8Task& task, const Int8Plan& plan) {
  const fs::path file = task.reference.parent_path() / "trial.onnx";
  OnnxOptions options = task.options.onnx;
  options.int8 = plan;
  write_onnx(task.options.model, file, options, task.monitor);
  return file;
}

std::vector<float> logits_of(Session& session, std::span<const float> images) {
  const int64_t n = std::ssize(images) / session.config().preprocess.size.numel();
  std::vector<float> logits(static_cast<size_t>(n * session.config().num_classes));
  session.run_batches(images.data(), n, kBatch, logits.data());
  return logits;
}

// The layers, from the one whose rounding alone changes the logits most (their mean squared difference).
std::vector<std::string> by_error(const Int8Task& task, const Int8Plan& plan, Session& reference,
                                  std::span<const float> images) {
  const std::vector<float> expected = logits_of(reference, images);
  std::vector<std::pair<double, std::string>> errors;
  for (const Int8Layer& layer : task.facts.int8_layers) {
    if (task.monitor.stopping()) fail(kWhere, "stopped while measuring layers; nothing was written");
    task.monitor.tell({"errors of layers", std::ssize(errors), std::ssize(task.facts.int8_layers), "layers", ""});
    Int8Plan alone = plan;
    for (const Int8Layer& other : task.facts.int8_layers) alone.skip.insert(other.name);
    alone.skip.erase(layer.name);
    Session trial(write_trial(task, alone), {.threads = task.options.threads});
    const std::vector<float> logits = logits_of(trial, images);
    double sum = 0;
    for (size_t i = 0; i < logits.size(); ++i) sum += std::pow(logits[i] - static_cast<double>(expected[i]), 2);
    errors.emplace_back(sum, layer.name);
  }
  std::sort(errors.rbegin(), errors.rend());
  std::vector<std::string> names;
  for (auto& [error, name] : errors) names.push_back(std::move(name));
  return names;
}

std::vector<uint8_t> right(const Predictions& p) { return correct(p.member(0), p.labels, p.classes); }

double share(const std::vector<uint8_t>& verdicts) {
  return static_cast<double>(std::count(verdicts.begin(), verdicts.end(), 1)) / static_cast<double>(verdicts.size());
}

double lost(const Predictions& before, const Predictions& after) {
  return -accuracy_change(right(before), right(after)).value;
}

Int8Accuracy accuracy_on(const Int8Task& task, const Samples& samples, const fs::path& file) {
  const Predictions before = answers(task.reference.string(), samples, task.monitor);
  const Predictions after = answers(file.string(), samples, task.monitor);
  const std::vector<uint8_t> a = right(before), b = right(after);
  return {.split = samples.split,
          .samples = samples.size(),
          .before = share(a),
          .after = share(b),
          .change = accuracy_change(a, b),
          .agreement = mean_sd(likeness(before.member(0), after.member(0), before.classes).same).mean};
}

}  // namespace

void check_int8_options(const Int8Options& options) {
  check_range_method(options.range);
  if (options.samples < kFewestImages) {
    fail_usage(kWhere, options.samples, " calibration images; expected at least ", kFewestImages);
  }
  if (!(options.max_loss >= 0)) fail_usage(kWhere, "max_loss is ", options.max_loss, "; expected 0 or more");
}

Int8Plan find_int8_plan(const Int8Task& task) {
  Session reference(task.reference, {.threads = task.options.threads});
  const std::vector<float> images = calibration_images(task, reference);
  Int8Plan plan = plan_from(task, images);
  const Predictions before = answers(task.reference.string(), task.data.val, task.monitor);
  const auto loss = [&] {
    return lost(before, answers(write_trial(task, plan).string(), task.data.val, task.monitor));
  };
  double lost_now = loss();
  if (lost_now <= task.options.int8.max_loss) return plan;
  const size_t some = static_cast<size_t>(kImagesForErrors * reference.config().preprocess.size.numel());
  const std::vector<std::string> worst =
      by_error(task, plan, reference, std::span(images).first(std::min(some, images.size())));
  for (size_t count = 1; count <= (worst.size() + 1) / 2; count *= 2) {
    plan.skip = {worst.begin(), worst.begin() + static_cast<std::ptrdiff_t>(count)};
    lost_now = loss();
    if (lost_now <= task.options.int8.max_loss) return plan;
  }
  fail(kWhere, "loses ", 100 * lost_now, " points of accuracy on val, with ", plan.skip.size(), " of ", worst.size(),
       " layers in float32; ", 100 * task.options.int8.max_loss, " are allowed; nothing was written; ",
       "try another range, or allow more");
}

Int8Report report_int8(const Int8Task& task, const Int8Plan& plan, const fs::path& file) {
  Int8Report report{.skipped = {plan.skip.begin(), plan.skip.end()},
                    .calibration_images = std::min(task.options.int8.samples, task.data.train.size())};
  for (const Samples* samples : {&task.data.val, &task.data.test}) {
    if (samples->size() > 0) report.accuracy.push_back(accuracy_on(task, *samples, file));
  }
  report.layers = Session(file, {.threads = task.options.threads}).layers();
  return report;
}

}  // namespace retort
