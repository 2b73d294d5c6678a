/// \file report.h
/// The measured table: every member, each ensemble, each student, on the same test samples in the same run.
#pragma once

#include <string>
#include <vector>

#include "retort/metrics.h"
#include "retort/model.h"

namespace retort {

/// One line of the table.
struct Row {
  std::string name, kind, method, path;  ///< kind: "member", "ensemble" or "student"
  Metrics metrics;
  Measurement cost;
  Change change;  ///< of accuracy, against the table's baseline
  bool is_baseline = false;
  double train_core_seconds = 0, label_core_seconds = 0;
  std::vector<double> seed_accuracies;  ///< where several seeds stand behind the row; the row's own is the first
};

struct Table {
  std::string data, split, baseline;  ///< baseline: name of the best member by val accuracy, never by test
  std::string machine, command;
  int64_t samples = 0;
  std::vector<Row> rows;
};

struct CompareOptions {
  std::vector<std::string> models;
  std::string data = "fashion-mnist", split = "test";
  BenchOptions bench;
  bool measure_speed = true;
};
/// Evaluates and benches all models and fills a table. Kinds, methods, costs of training and seeds are read from the
/// run directories.
Table compare(const CompareOptions& options, const Monitor& monitor = {});

/// The table as text at most `width` columns wide, as Markdown, CSV and JSON.
std::string to_text(const Table& table, int width = 100);
std::string to_markdown(const Table& table);
std::string to_csv(const Table& table);
std::string to_json(const Table& table);
/// Writes table.txt, table.md, table.csv and table.json into the directory.
void save_table(const std::string& directory, const Table& table);

}  // namespace retort
