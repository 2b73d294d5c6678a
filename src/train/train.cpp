#include "retort/train.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "base/file.h"
#include "base/machine.h"
#include "retort/losses.h"
#include "train/failure.h"
#include "train/input.h"
#include "train/options.h"
#include "train/run_dir.h"
#include "train/selection.h"
#include "train/trainer.h"

namespace retort {

namespace {

// Only those that run at once need threads; it depends on the count alone, so that a pass that goes on divides as
// before, whoever has ended.
Division divide(int threads, size_t students) {
  const int at_once = std::clamp(static_cast<int>(students), 1, threads);
  return {students, at_once, threads / at_once};
}

std::shared_ptr<const Labels> adopt_labels(std::vector<TrainOptions>& students) {
  const auto& distill = students.front().distill;
  if (!distill || distill->labels.empty()) return nullptr;
  auto store = std::make_shared<const Labels>(distill->labels);
  for (TrainOptions& o : students) adopt_store(o, store->info());
  return store;
}

std::vector<TrainOutcome> train_checked(std::vector<TrainOptions> students, const Monitor& monitor) {
  const auto store = adopt_labels(students);
  DataSet data = open_data(students.front().data);
  const Division division = divide(resolve_threads(students.front().threads), students.size());
  std::vector<TrainOutcome> outcomes(students.size());
  std::vector<Trainer::Plan> plans;
  std::vector<size_t> places;
  for (size_t i = 0; i < students.size(); ++i) {
    TrainOptions& o = students[i];
    o.augment = resolve_augment(o.augment, data);
    if (students.size() > 1) o.threads = division.threads;
    const Found found = look_into_run(o);
    if (found == Found::finished) {
      outcomes[i].result = read_result(o);
      continue;
    }
    plans.push_back({o, found == Found::checkpoint});
    places.push_back(i);
  }
  if (plans.empty()) return outcomes;
  set_threads(division.threads);
  data = select_samples(students.front(), std::move(data), monitor);
  Trainer trainer(plans, std::move(data), store, monitor, division);
  std::vector<TrainOutcome> now = trainer.run();
  for (size_t i = 0; i < now.size(); ++i) outcomes[places[i]] = std::move(now[i]);
  return outcomes;
}

// Where the loss leaves the scale of the student's logits open, a temperature that is fitted on val closes it.
void calibrate_open_scale(const TrainOptions& options, TrainResult& result, const Monitor& monitor) {
  const bool open = options.distill && Loss(options.distill->loss, options.distill->temperature).leaves_scale_open();
  if (!open || result.stopped) return;
  result.calibrated = true;
  if (is_there(fs::path(options.out) / "calibration.json")) return;
  try {
    calibrate_model({.path = options.out,
                     .data = options.data,
                     .skip_broken = options.skip_broken,
                     .threads = options.threads,
                     .model = {.device = options.device}},
                    monitor);
  } catch (const Error&) {
    if (!monitor.stopping()) throw;
    result.stopped = true;  // going on comes here again
  }
}

}  // namespace

std::vector<TrainOutcome> train_in_one_pass(std::vector<TrainOptions> students, const Monitor& monitor) {
  for (TrainOptions& o : students) {
    if (o.model.empty() && !o.pretrained.empty()) {
      o.model = read_config(resolve_model(o.pretrained, monitor)).architecture;
    }
    check_options(o);
  }
  check_pass(students);
  try {
    std::vector<TrainOutcome> outcomes = train_checked(students, monitor);
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].result) calibrate_open_scale(students[i], *outcomes[i].result, monitor);
    }
    return outcomes;
  } catch (const c10::Error&) {
    throw present_failure(verb_of(students.front()));
  }
}

TrainResult train(const TrainOptions& options, const Monitor& monitor) {
  TrainOutcome outcome = train_in_one_pass({options}, monitor).front();
  if (outcome.error) throw *outcome.error;
  return *outcome.result;
}

}  // namespace retort
