#include "ship/int8.h"

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/machine.h"
#include "model/int8_plan.h"
#include "model/ranges.h"
#include "retort/metrics.h"
#include "retort/network.h"
#include "ship/check.h"

namespace retort {

namespace {

constexpr const char* kWhere = "export --precision int8";
constexpr int64_t kImagesForErrors = 64, kBatch = 16, kChecksOfOneChange = 20;

// Of a file that takes pixels, mean and deviation are the file's, not the network's.
const Preprocess& preprocess_of(const Model& file) { return file.inputs().front().preprocess; }

Model trial(const Int8Task& task, const Int8Plan& plan) {
  const fs::path file = fs::path(task.reference.path()).replace_filename("trial.onnx");
  task.source.write(file, plan);
  return Model(file.string());
}

std::vector<float> logits_of(Model& file, std::span<const float> images) {
  const int64_t numel = preprocess_of(file).size.numel(), n = std::ssize(images) / numel;
  std::vector<float> logits(static_cast<size_t>(n * file.classes()));
  for (int64_t i = 0; i < n; i += kBatch) {
    const std::vector<const float*> some{images.data() + i * numel};
    file.logits(some, std::min(kBatch, n - i), logits.data() + i * file.classes());
  }
  return logits;
}

// The layers, from the one whose rounding alone changes the logits most (their mean squared difference).
std::vector<std::string> by_error(const Int8Task& task, const Int8Plan& plan, std::span<const float> images) {
  const std::vector<Int8Layer>& layers = task.source.facts().int8_layers;
  const std::vector<float> expected = logits_of(task.reference, images);
  std::vector<std::pair<double, std::string>> errors;
  for (const Int8Layer& layer : layers) {
    if (task.monitor.stopping()) fail(kWhere, "stopped while measuring layers; nothing was written");
    task.monitor.tell({"errors of layers", std::ssize(errors), std::ssize(layers), "layers", ""});
    Int8Plan alone = plan;
    for (const Int8Layer& other : layers) alone.skip.insert(other.name);
    alone.skip.erase(layer.name);
    Model file = trial(task, alone);
    const std::vector<float> logits = logits_of(file, images);
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

Int8Accuracy compare_answers(const std::string& split, const Predictions& before, const Predictions& after) {
  const std::vector<uint8_t> a = right(before), b = right(after);
  return {.split = split,
          .samples = before.samples,
          .before = share(a),
          .after = share(b),
          .change = accuracy_change(a, b),
          .agreement = mean_sd(likeness(before.member(0), after.member(0), before.classes).same).mean};
}

// The file against the networks in LibTorch, rounded as they were in training.
Int8Report::Trained compare_trained(const Int8Task& task, Model& file) {
  for (int64_t m = 0; m < task.original.members(); ++m) {
    task.original.network(m).quantise(weights_path(resolve_model(task.original.member(m).path)));
  }
  const Difference found = difference(answers(task.original, task.samples, task.monitor),
                                      answers(file, task.samples, task.monitor), /*probabilities=*/true);
  if (found.changed * kChecksOfOneChange > task.samples.size()) {
    fail(kWhere, "the file decides otherwise than the network as it was trained for ", found.changed, " of ",
         task.samples.size(), " images; nothing was written; please report this");
  }
  return {found.changed, found.largest};
}

}  // namespace

void check_int8_options(const Int8Options& options) {
  check_range_method(options.range);
  if (options.samples < kFewestCalibrationImages) {
    fail_usage(kWhere, options.samples, " calibration images; expected at least ", kFewestCalibrationImages);
  }
  if (!(options.max_loss >= 0)) fail_usage(kWhere, "max_loss is ", options.max_loss, "; expected 0 or more");
}

Int8Search find_int8_plan(const Int8Task& task) {
  const Int8Options& how = task.options.int8;
  const std::vector<float> images =
      calibration_images(task.data.spec, task.data.train.subset(how.samples), preprocess_of(task.reference));
  Int8Search found{
      learn_plan(task.source.facts(), task.reference.path(), how.range, images, resolve_threads(task.options.threads)),
      answers(task.reference, task.data.val, task.monitor)};
  Int8Plan& plan = found.plan;
  const auto loss = [&] {
    Model file = trial(task, plan);
    return lost(found.val, answers(file, task.data.val, task.monitor));
  };
  double lost_now = loss();
  if (lost_now <= task.options.int8.max_loss) return found;
  const size_t some = static_cast<size_t>(kImagesForErrors * preprocess_of(task.reference).size.numel());
  const std::vector<std::string> worst = by_error(task, plan, std::span(images).first(std::min(some, images.size())));
  for (size_t count = 1; count <= (worst.size() + 1) / 2; count *= 2) {
    plan.skip = {worst.begin(), worst.begin() + static_cast<std::ptrdiff_t>(count)};
    lost_now = loss();
    if (lost_now <= task.options.int8.max_loss) return found;
  }
  fail(kWhere, "loses ", 100 * lost_now, " points of accuracy on val, with ", plan.skip.size(), " of ", worst.size(),
       " layers in float32; ", 100 * task.options.int8.max_loss, " are allowed; nothing was written; ",
       "try another range, or allow more");
}

Int8Report report_int8(const Int8Task& task, const Int8Search& found, const fs::path& file) {
  Int8Report report{.skipped = {found.plan.skip.begin(), found.plan.skip.end()}};
  Model quantised(file.string());
  if (unknown_values(task.source.facts()).empty()) {
    report.trained = compare_trained(task, quantised);
  } else {
    report.calibration_images = std::min(task.options.int8.samples, task.data.train.size());
  }
  report.accuracy.push_back(compare_answers("val", found.val, answers(quantised, task.data.val, task.monitor)));
  if (const Samples& test = task.data.test; test.size() > 0) {
    const Predictions before = answers(task.reference, test, task.monitor);
    report.accuracy.push_back(compare_answers("test", before, answers(quantised, test, task.monitor)));
  }
  report.layers = Session(file, {.threads = task.options.threads}).layers();
  return report;
}

}  // namespace retort
