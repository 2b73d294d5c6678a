/// \file student.h
/// One network in training: what it learns with, how far it is, and its run directory.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "retort/network.h"
#include "train/cost_clock.h"
#include "train/ema.h"
#include "train/events.h"
#include "train/fine_tuning.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/run_state.h"
#include "train/schedule.h"
#include "train/step_profile.h"
#include "train/validation.h"

namespace retort {

/// What the students of a pass share. All of it outlives them.
struct Pass {
  const DataSet& data;
  const Monitor& monitor;
  Views &train, &val;
  Lessons* lessons = nullptr;  ///< null where they learn from labels alone
  size_t students = 1;
  std::string samples_hash = {};   ///< of train's
  StepProfile* profile = nullptr;  ///< of the one student's steps, where it is asked for
};

/// Learns from the batches that it is shown, which it must be shown in order from step() on. Not thread-safe; different
/// ones may be at work on different threads. After an error it is of no more use.
class Student {
 public:
  /// `options` are checked and complete. Makes the network; `resume`: its weights come from the checkpoint.
  Student(TrainOptions options, const Pass& pass, bool resume);

  /// Loads the checkpoint, or makes the directory and a first one.
  void begin();
  /// Epochs done, and steps done in this one.
  int64_t epoch() const { return state_.epoch; }
  int64_t step() const { return state_.step; }
  bool done() const { return state_.epoch == options_.epochs; }
  const TrainOptions& options() const { return options_; }
  const at::Device& device() const { return network_.device(); }

  /// Makes a step on the present batch.
  void learn(const Lesson* lesson);
  void save_checkpoint();
  /// val's present batch, with the weights that are reported. Once val is through, evaluated() is true.
  void validate();
  void end_validation();
  bool evaluated() const { return val_.has_value(); }
  /// Notes an epoch that was validated, and leaves what there is to leave.
  void end_epoch();
  /// Completes the run directory.
  void finish();
  TrainResult result() const;

  /// Processor time that its steps have taken of the threads that called, since last asked.
  double take_own_cpu() { return std::exchange(own_cpu_, 0); }
  void add_cost(const CostClock::Spent& spent);

 private:
  std::vector<NamedTensor> make_trainable();
  void backward(const at::Tensor& loss, bool keep_graph);
  void load_checkpoint();
  void start_records();
  void save_best(int64_t epoch);
  void save_snapshot();
  void save_weights(const std::filesystem::path& directory);
  void save_run(const std::filesystem::path& directory, Json made);
  void check_losses(bool all);
  void check_weights();
  [[noreturn]] void fail_diverged(const std::string& what, int64_t step) const;
  template <class Use>
  void with_reported_weights(const Use& use);
  std::vector<NamedTensor> tensors() const;
  void record(const HistoryRow& row);
  void tell(bool always);
  int64_t steps_done() const { return state_.epoch * pass_.train.batches() + state_.step; }
  int64_t step_images() const;

  const TrainOptions options_;
  const Pass pass_;
  const bool resume_;
  const std::optional<Pretrained> pretrained_;
  const Preprocess preprocess_;
  const size_t place_, val_place_;  ///< of its batches
  Network network_;
  Objective objective_;
  const std::vector<NamedTensor> trainable_;  ///< the network's and the loss's
  Optimizer optimizer_;
  std::optional<Ema> ema_;
  Validation validation_;
  const LearningRate rate_;
  const std::set<int64_t> snapshots_;  ///< epochs that leave one
  LossMeter meter_;
  std::optional<EventWriter> events_;

  RunState state_;
  std::optional<Metrics> val_;  ///< of the last epoch
  std::string task_;
  double own_cpu_ = 0, last_told_ = 0;
};

}  // namespace retort
