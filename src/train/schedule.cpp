#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace retort {

#define SCHEDULE(name, help) Schedule name##_schedule(Settings& settings);
#include "train/schedule.def"
#undef SCHEDULE

namespace {

using MakeSchedule = Schedule (*)(Settings&);

const std::vector<Registered<MakeSchedule>>& schedules() {
  static const std::vector<Registered<MakeSchedule>> rows = {
#define SCHEDULE(name, help) {#name, help, name##_schedule},
#include "train/schedule.def"
#undef SCHEDULE
  };
  return rows;
}

Length length_of(const TrainOptions& options, int64_t steps_per_epoch) {
  const double warmup = std::round(options.warmup_epochs * static_cast<double>(steps_per_epoch));
  return {options.epochs, steps_per_epoch, static_cast<int64_t>(warmup)};
}

}  // namespace

Schedule make_schedule(const std::string& text) {
  return make_registered("--schedule", schedules(), text, "--schedule ");
}

std::vector<ListedItem> list_schedules() { return list_registered(schedules()); }

std::set<int64_t> snapshot_epochs(const TrainOptions& options) {
  const Schedule schedule = make_schedule(options.schedule);
  std::set<int64_t> epochs;
  if (schedule.snapshots) epochs = schedule.snapshots(options.epochs);
  if (options.save_every > 0) {
    for (int64_t e = options.save_every; e <= options.epochs; e += options.save_every) epochs.insert(e);
  }
  return epochs;
}

LearningRate::LearningRate(const TrainOptions& options, int64_t steps_per_epoch)
    : peak_(options.lr), length_(length_of(options, steps_per_epoch)), schedule_(make_schedule(options.schedule)) {}

double LearningRate::at(int64_t step) const {
  constexpr double kFirst = 0.01;
  if (step >= length_.warmup_steps) return peak_ * schedule_.share(step, length_);
  return peak_ * (kFirst + (1 - kFirst) * static_cast<double>(step) / static_cast<double>(length_.warmup_steps));
}

double half_cosine(int64_t step, int64_t begin, int64_t end) {
  const auto length = static_cast<double>(std::max<int64_t>(end - begin, 1));
  const double done = std::min(1.0, static_cast<double>(step - begin) / length);
  return 0.5 * (1 + std::cos(std::numbers::pi * done));
}

int64_t FirstPhase::epochs(int64_t all) const { return std::llround(start * static_cast<double>(all)); }

double FirstPhase::share(int64_t step, const Length& length) const {
  const int64_t end = epochs(length.epochs) * length.steps_per_epoch;
  return level + (1 - level) * half_cosine(step, length.warmup_steps, end);
}

std::set<int64_t> at_least_two(std::string_view schedule, int64_t epochs, std::set<int64_t> snapshots) {
  if (snapshots.size() >= 2) return snapshots;
  fail_usage(str("--schedule ", schedule), "--epochs ", epochs, " leave ", snapshots.size(),
             " snapshots; expected two or more; give more epochs, shorter cycles or an earlier start");
}

}  // namespace retort
