/// \file history.h
/// What each epoch gave: rows of history.csv, kept in checkpoints too.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace retort {

struct HistoryRow {
  int64_t epoch = 0;                        ///< from 1
  double time = 0;                          ///< seconds since 1970 at its end
  double train_loss = 0;                    ///< mean over its steps
  double distill_loss = 0, label_loss = 0;  ///< the two terms before alpha weighs them; where there is a teacher
  double val_accuracy = 0, val_nll = 0, val_ece = 0;
  double lr = 0;  ///< of the last step
  double images_per_second = 0;
};

/// Names and values of a row but for the epoch; the terms of the loss only where `distilled`.
std::vector<std::pair<std::string, double>> values_of(const HistoryRow& row, bool distilled);

Json history_json(const std::vector<HistoryRow>& rows);
/// Throws Error on damaged JSON.
std::vector<HistoryRow> history_from_json(const std::string& where, const Json& json);

/// Writes `DIR/history.csv` atomically.
void write_history(const std::filesystem::path& directory, const std::vector<HistoryRow>& rows, bool distilled);

}  // namespace retort
