/// \file report.h
/// The measured table: every member, each ensemble, each student, on the same test samples in the same run.
#pragma once

#include <string>
#include <vector>

#include "retort/metrics.h"
#include "retort/model.h"

namespace retort {

/// One line of the table. Several seeds of one student make one line: its metrics are their means, its costs the
/// first seed's.
struct Row {
  std::string name, kind, method, path;  ///< kind: "member", "ensemble" or "student"
  Metrics metrics;
  Measurement cost;
  Change change;  ///< of accuracy, against the table's baseline; of several seeds: of their mean
  bool is_baseline = false;
  double train_core_seconds = 0, label_core_seconds = 0;
  std::vector<double> seed_accuracies;  ///< where several seeds stand behind the row
  MeanSd accuracy_over_seeds;           ///< of them; zeros where there is one
};

/// accuracy(a) - accuracy(b) on the same samples, with a 95% interval over samples and, where there are several, seeds.
struct PairedDifference {
  std::string name_a, name_b;
  double value = 0;
  Interval interval;
  int64_t seeds = 1;  ///< behind the side that has fewer; 1: the interval says nothing of seeds
};

struct Table {
  std::string data, split, baseline;  ///< baseline: name of the best member by val accuracy, never by test
  std::string machine, command;
  int64_t samples = 0;
  std::vector<Row> rows;
  /// Ensembles against the best member, distilled students against the same ones from scratch.
  std::vector<PairedDifference> differences;
};

struct CompareOptions {
  std::vector<std::string> models;  ///< run directories and ensembles, in the table's order
  std::string data = "fashion-mnist", split = "test";
  BenchOptions bench;
  bool measure_speed = true;
};
/// Evaluates and benches all models and fills a table. Kinds, methods, costs of training and seeds are read from the
/// run directories; students that differ in nothing but the seed become one row. Throws a usage error on a model given
/// twice. Stopped by the monitor, it returns the table without rows.
Table compare(const CompareOptions& options, const Monitor& monitor = {});

/// The table as text at most `width` columns wide (40 or more), as Markdown, CSV and JSON.
std::string to_text(const Table& table, int width = 100);
std::string to_markdown(const Table& table);
std::string to_csv(const Table& table);
std::string to_json(const Table& table);
/// Writes table.txt, table.md, table.csv and table.json into the directory.
void save_table(const std::string& directory, const Table& table);

}  // namespace retort
