/// \file run_state.h
/// How far a training is, apart from its tensors.
#pragma once

#include <string>
#include <vector>

#include "train/history.h"
#include "train/objective.h"

namespace retort {

struct RunState {
  int64_t epoch = 0;                                        ///< epochs done
  int64_t step = 0;                                         ///< steps done in this epoch
  LossSums sums;                                            ///< of this epoch's steps
  double epoch_seconds = 0, seconds = 0, core_seconds = 0;  ///< of the steps: of this epoch, of all; processor time
  int64_t images = 0;                                       ///< gone through in `seconds`
  int64_t best_epoch = 0;
  double best_val_accuracy = 0;
  std::vector<HistoryRow> history;
};

Json state_json(const RunState& state);
/// Throws Error on damaged JSON.
RunState state_from_json(const std::string& where, const Json& json);

}  // namespace retort
