/// \file report.h
/// The measured table: every member, each ensemble, each student, on the same test samples in the same run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retort/metrics.h"
#include "retort/model_bench.h"

namespace retort {

/// Whether the data support a change of accuracy. docs/statistics.md has the rules.
struct Support {
  double mcnemar_p = 1;       ///< of several seeds: twice the median over the pairs of runs, at most 1
  double mcnemar_p_holm = 1;  ///< corrected for all comparisons of the table
  bool exact = true;          ///< whether the p-value is the exact test's
  bool supported = false;     ///< the corrected p-value is at most 0.05, and the change's interval leaves 0 out
};

/// One line of the table. Several seeds of one student make one line: its metrics are their means, its costs the
/// first seed's.
struct Row {
  std::string name, kind, method, path;  ///< kind: "member", "ensemble" or "student"
  Metrics metrics;
  Measurement cost;
  Change change;  ///< of accuracy, against the table's baseline; of several seeds: of their mean
  Support support;
  bool is_baseline = false;
  bool is_cascade = false;  ///< its latency depends on the image, so that the mean tells more than the median
  double train_core_seconds = 0, label_core_seconds = 0;
  std::vector<double> seed_accuracies;  ///< where several seeds stand behind the row
  MeanSd accuracy_over_seeds;           ///< of them; zeros where there is one
};

/// accuracy(a) - accuracy(b) on the same samples, with a 95% interval over samples and, where there are several, seeds.
struct PairedDifference {
  std::string name_a, name_b;
  Change change;
  Support support;
  int64_t seeds = 1;  ///< behind the side that has fewer; 1: the interval says nothing of seeds
};

/// The members of one ensemble, and what val says of dropping one of them or adding another network of the table. A
/// combiner that is fitted is fitted anew for each choice, on one half of val for the other.
struct EnsembleDiversity {
  std::string ensemble, combiner;
  std::vector<std::string> members, candidates;  ///< names; candidates are members by kind
  std::string split;                             ///< of `diversity`: the table's
  int64_t samples = 0, advice_samples = 0;       ///< of that split, of val
  Diversity diversity;
  std::vector<Contribution> contributions;  ///< of each member, on val
  std::vector<Contribution> additions;      ///< of each candidate, on val
};

/// What a distilled student took over from its teacher, on the table's samples; of several seeds: means, and intervals
/// over samples.
struct StudentReport {
  std::string student, teacher;  ///< names of rows
  std::string scratch;           ///< row of the same architecture from scratch; "" where the table has none
  int64_t seeds = 1;
  double agreement = 0;  ///< share of samples for which it predicts what its teacher predicts
  Interval agreement_interval;
  double kl = 0;  ///< mean KL(teacher || student) at temperature 1, natural logarithm
  Interval kl_interval;
  /// Share of the teacher's gain over the student from scratch; none without such a student, and where the data do not
  /// show that gain.
  std::optional<Change> gain_kept;
  /// NLL and ECE of its own logits, and of those divided by a temperature that val was fitted with.
  struct Calibrated {
    double nll = 0, ece = 0;
  } raw, calibrated;
  double temperature = 1;
  bool is_calibrated = false;  ///< its run keeps a calibration, which the table's rows are made with
  /// Accuracy on each class, less the teacher's.
  struct ClassChange {
    std::string label;
    int64_t samples = 0;
    double teacher_accuracy = 0;
    Change change;
  };
  std::vector<ClassChange> classes;
  double train_core_seconds = 0, label_core_seconds = 0;  ///< of the first seed
};

struct Table {
  std::string data, split, baseline;  ///< baseline: name of the row that the changes are against
  bool baseline_asked_for = false;    ///< or it is the best member by val accuracy, never by test
  std::string machine, command;
  int64_t samples = 0;
  std::vector<Row> rows;
  /// Ensembles against the best member, distilled students against the same ones from scratch.
  std::vector<PairedDifference> differences;
  int64_t comparisons = 0;  ///< that p-values are corrected for: changes of rows and differences, each counted once
  std::vector<StudentReport> students;       ///< of each distilled row whose teacher is a row, too
  std::vector<EnsembleDiversity> diversity;  ///< of each ensemble, where asked for
};

struct CompareOptions {
  std::vector<std::string> models;  ///< run directories and ensembles, in the table's order
  std::string data = "fashion-mnist", split = "test";
  std::string baseline;      ///< one of `models`, whose row all changes are against; "" is the best member on val
  bool skip_broken = false;  ///< leave out images that cannot be read
  BenchOptions bench;
  bool measure_speed = true;
  bool diversity = false;  ///< describe the members of each ensemble too; there has to be one
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
