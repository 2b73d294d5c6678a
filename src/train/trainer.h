/// \file trainer.h
/// The training loop: one pass over the views for one student or for several.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/crew.h"
#include "retort/train_several.h"
#include "train/student.h"

namespace retort {

/// How the students of a pass share its threads.
struct Division {
  size_t students = 1;
  int at_once = 1;  ///< that step at a time
  int threads = 1;  ///< of each of those, and of the teacher
};

/// Trains students side by side: each batch is made once, the teacher is asked once, then all of them make their step.
class Trainer {
 public:
  /// Options are checked and complete: the store's where there is one, no "auto" augmentation. Those of all students
  /// agree in what a pass shares.
  struct Plan {
    TrainOptions options;
    bool resume = false;  ///< from the checkpoint that is there
  };
  /// `data`: the samples that they ask for. `division` counts students that were finished before, too.
  Trainer(const std::vector<Plan>& plans, DataSet data, const std::shared_ptr<const Labels>& store,
          const Monitor& monitor, const Division& division);
  /// Trains to the end, or until the monitor stops it. A student that fails leaves the others alone; one that is ahead,
  /// because the pass was killed between two checkpoints, waits for them.
  std::vector<TrainOutcome> run();

 private:
  struct Seat {
    std::unique_ptr<Student> student;
    TrainOutcome outcome = {};
  };
  using Seats = std::vector<Seat*>;

  /// Of those that have neither ended nor failed.
  Seats choose(const std::function<bool(const Student&)>& choice = {});
  Seats in_epoch(int64_t epoch);
  std::optional<int64_t> first_epoch();
  /// One that throws has failed, and is left out from then on.
  void each(const Seats& seats, const std::function<void(Student&)>& call);
  /// False where the monitor stopped it.
  bool train_epoch(int64_t epoch);
  void train_step(const Seats& seats);
  void validate(const Seats& seats);
  void complete();
  void start_clock();
  void stop_clock();
  double own_cpu_seconds() const;

  const Monitor monitor_;
  const TrainOptions shared_;  ///< the first student's
  const Division division_;
  const DataSet data_;
  Views train_, val_;
  std::optional<Lessons> lessons_;
  std::optional<StepProfile> profile_;
  std::vector<Seat> seats_;
  Crew crew_;
  CostClock clock_;
  double teaching_cpu_ = 0, loading_cpu_ = 0;  ///< since the clock was started; before
  double last_checkpoint_ = 0;                 ///< on the wall
};

}  // namespace retort
