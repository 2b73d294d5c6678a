#include "train/trainer.h"

#include <algorithm>

#include "base/machine.h"
#include "train/failure.h"
#include "train/input.h"
#include "train/options.h"

namespace retort {

namespace {

LoaderOptions loader_options(const TrainOptions& options, const DataSet& data, int threads) {
  return {.batch = options.batch,
          .shuffle = true,
          .drop_last = true,
          .seed = options.seed,
          .view_seed = options.view_seed,
          .augment = Augment(options.augment),
          .workers = loader_workers(data, threads)};
}

// What any of the students' losses looks at.
LooksOfLosses looks_of_all(const std::vector<Trainer::Plan>& plans) {
  LooksOfLosses all;
  for (const Trainer::Plan& plan : plans) {
    const LooksOfLosses one = looks_of(*plan.options.distill);
    all = {all.features || one.features, all.maps || one.maps, all.members || one.members};
  }
  return all;
}

}  // namespace

Trainer::Trainer(const std::vector<Plan>& plans, DataSet data, const std::shared_ptr<const Labels>& store,
                 const Monitor& monitor, const Division& division)
    : monitor_(monitor),
      shared_(plans.front().options),
      division_(division),
      data_(std::move(data)),
      train_(data_.train, loader_options(shared_, data_, division.at_once * division.threads)),
      val_(plain_val(data_, train_.options().workers)),
      crew_(division.at_once, [threads = division.threads] { set_threads(threads); }),
      clock_(division.at_once * division.threads, division.threads == 1 && shared_.device == "cpu"
                                                      ? [this] { return own_cpu_seconds(); }
                                                      : std::function<double()>()) {
  if (shared_.distill) {
    lessons_.emplace(make_teacher(shared_, store, data_, train_, looks_of_all(plans), monitor_), data_.classes());
  }
  if (shared_.profile) profile_.emplace();
  const Pass pass{data_,
                  monitor_,
                  train_,
                  val_,
                  lessons_ ? &*lessons_ : nullptr,
                  division.students,
                  data_.train.hash(),
                  profile_ ? &*profile_ : nullptr};
  for (const Plan& plan : plans) seats_.push_back({std::make_unique<Student>(plan.options, pass, plan.resume)});
}

std::vector<TrainOutcome> Trainer::run() {
  each(choose(), [](Student& s) { s.begin(); });
  last_checkpoint_ = wall_seconds();
  complete();
  while (const std::optional<int64_t> epoch = first_epoch()) {
    if (!train_epoch(*epoch)) break;
    const Seats seats = in_epoch(*epoch);
    validate(seats);
    each(seats, [](Student& s) { s.end_epoch(); });
    last_checkpoint_ = wall_seconds();
    complete();
  }
  for (Seat* seat : choose()) {
    seat->outcome.result = seat->student->result();
    seat->outcome.result->stopped = true;
  }
  if (profile_ && !profile_->done()) monitor_.remark(profile_->text());
  std::vector<TrainOutcome> outcomes;
  for (const Seat& seat : seats_) outcomes.push_back(seat.outcome);
  return outcomes;
}

Trainer::Seats Trainer::choose(const std::function<bool(const Student&)>& choice) {
  Seats chosen;
  for (Seat& seat : seats_) {
    const bool present = !seat.outcome.result && !seat.outcome.error;
    if (present && (!choice || choice(*seat.student))) chosen.push_back(&seat);
  }
  return chosen;
}

Trainer::Seats Trainer::in_epoch(int64_t epoch) {
  return choose([epoch](const Student& s) { return s.epoch() == epoch; });
}

std::optional<int64_t> Trainer::first_epoch() {
  std::optional<int64_t> first;
  for (const Seat* seat : choose()) first = std::min(first.value_or(INT64_MAX), seat->student->epoch());
  return first;
}

void Trainer::each(const Seats& seats, const std::function<void(Student&)>& call) {
  crew_.each(seats.size(), [&](size_t i) {
    if (seats[i]->outcome.error) return;
    try {
      call(*seats[i]->student);
    } catch (...) {
      seats[i]->outcome.error = present_failure(verb_of(shared_));
    }
  });
}

bool Trainer::train_epoch(int64_t epoch) {
  int64_t step = train_.batches();
  for (const Seat* seat : in_epoch(epoch)) step = std::min(step, seat->student->step());
  train_.start(epoch, view_of_epoch(shared_, epoch), step);
  start_clock();
  for (; train_.next(); ++step) {
    const Seats learners = choose([&](const Student& s) { return s.epoch() == epoch && s.step() == step; });
    if (!learners.empty()) train_step(learners);
    if (in_epoch(epoch).empty()) break;  // all have failed
    const bool stop = monitor_.stopping();
    if (!stop && wall_seconds() - last_checkpoint_ < shared_.checkpoint_seconds) continue;
    stop_clock();
    each(choose(), [](Student& s) { s.save_checkpoint(); });
    last_checkpoint_ = wall_seconds();
    if (stop) return false;
    start_clock();
  }
  stop_clock();
  return true;
}

void Trainer::train_step(const Seats& seats) {
  StepProfile* const profile = profile_ ? &*profile_ : nullptr;
  lap(profile, Phase::data);
  const double begun = thread_cpu_seconds();
  const Lesson* lesson = lessons_ ? &lessons_->give(train_.batch(), seats.front()->student->device()) : nullptr;
  teaching_cpu_ += thread_cpu_seconds() - begun;
  lap(profile, Phase::teacher);
  each(seats, [lesson](Student& s) { s.learn(lesson); });
  lap(profile, Phase::rest);
  if (profile && profile->end_step(train_.batch().size)) monitor_.remark(profile->text());
}

void Trainer::validate(const Seats& seats) {
  if (seats.empty()) return;
  val_.start(/*epoch=*/0, kPlainView);
  while (val_.next()) each(seats, [](Student& s) { s.validate(); });
  each(seats, [](Student& s) { s.end_validation(); });
}

// Those that are at their end; some may have been there before the pass went on.
void Trainer::complete() {
  const Seats done = choose([](const Student& s) { return s.done(); });
  validate(choose([](const Student& s) { return s.done() && !s.evaluated(); }));
  each(done, [](Student& s) { s.finish(); });
  for (Seat* seat : done) {
    if (!seat->outcome.error) seat->outcome.result = seat->student->result();
  }
}

void Trainer::start_clock() {
  teaching_cpu_ = 0;
  loading_cpu_ = train_.worker_cpu_seconds();
  clock_.start();
  if (profile_) profile_->start();
}

void Trainer::stop_clock() {
  const CostClock::Spent spent = clock_.stop();
  const double shared = teaching_cpu_ + (train_.worker_cpu_seconds() - loading_cpu_) / division_.threads;
  std::vector<Student*> learnt;
  std::vector<double> own;
  for (const Seat& seat : seats_) {
    const double cpu = seat.student->take_own_cpu();
    if (cpu <= 0) continue;
    learnt.push_back(seat.student.get());
    own.push_back(cpu);
  }
  const std::vector<double> costs = split_cost(spent.cpu, shared, own);
  for (size_t i = 0; i < learnt.size(); ++i) learnt[i]->add_cost({spent.wall, costs[i]});
}

double Trainer::own_cpu_seconds() const {
  return thread_cpu_seconds() + train_.worker_cpu_seconds() + crew_.cpu_seconds();
}

}  // namespace retort
