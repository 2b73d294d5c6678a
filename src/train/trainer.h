/// \file trainer.h
/// The training loop.
#pragma once

#include <memory>
#include <optional>

#include "retort/network.h"
#include "train/cost_clock.h"
#include "train/ema.h"
#include "train/events.h"
#include "train/fine_tuning.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/run_state.h"
#include "train/schedule.h"
#include "train/validation.h"

namespace retort {

/// One training, from its first step or from a checkpoint to its run directory.
class Trainer {
 public:
  /// `options` are checked and complete: the store's where there is one, no "auto" augmentation; `data` are the samples
  /// that they ask for. Makes the network; `resume`: its weights come from the checkpoint.
  Trainer(TrainOptions options, DataSet data, const std::shared_ptr<const Labels>& store, const Monitor& monitor,
          bool resume);
  /// Trains to the end, or until the monitor stops it.
  TrainResult run();

 private:
  void load_checkpoint();
  void save_checkpoint();
  void start_records();
  bool train_epoch();
  void train_step(const Batch& batch);
  void end_epoch();
  void save_snapshot();
  void finish();
  void save_run(const std::filesystem::path& directory, Json made);

  void stop_clock();
  void check_losses(bool all);
  void check_weights();
  [[noreturn]] void fail_diverged(const std::string& what, int64_t step) const;
  template <class Use>
  void with_reported_weights(const Use& use);
  std::vector<NamedTensor> tensors() const;
  TrainResult result() const;
  void record(const HistoryRow& row);
  void tell(bool always);
  int64_t steps_done() const { return state_.epoch * loader_.batches() + state_.step; }

  const TrainOptions options_;
  const Monitor monitor_;
  const bool resume_;
  const int threads_;
  const DataSet data_;
  const Samples samples_;
  const std::optional<Pretrained> pretrained_;
  const Preprocess preprocess_;
  const LoaderOptions loader_options_;
  std::optional<Teacher> teacher_;
  Network network_;
  Objective objective_;
  const std::vector<NamedTensor> trainable_;  ///< the network's and the loss's
  Optimizer optimizer_;
  std::optional<Ema> ema_;
  Loader loader_;
  Validation validation_;
  CostClock clock_;
  const LearningRate rate_;
  const std::set<int64_t> snapshots_;  ///< epochs that leave one
  LossMeter meter_;
  std::optional<EventWriter> events_;

  RunState state_;
  std::optional<Metrics> val_;  ///< of the last epoch
  std::string task_;
  double last_checkpoint_ = 0, last_told_ = 0;  ///< on the wall
};

}  // namespace retort
