#include "report/columns.h"

#include <algorithm>
#include <cmath>

#include "report/format.h"

namespace retort {

namespace {

// Stands before a change that the data do not support.
constexpr const char* kMark = "~";

std::string accuracy_cell(const Row& row) {
  if (row.seed_accuracies.size() > 1) {
    const MeanSd& a = row.accuracy_over_seeds;
    return str(fixed(100 * a.mean, 2), "\u00b1", fixed(100 * a.sd, 2), "% (", row.seed_accuracies.size(), " seeds)");
  }
  return share_text(row.metrics.accuracy, row.metrics.accuracy_interval);
}

std::string change_text(const Change& change, const Support& support, const char* unit) {
  return str(support.supported ? "" : kMark, points_text(change.value), unit,
             bracket(points_text(change.interval.low), points_text(change.interval.high)));
}

std::string change_cell(const Row& row) {
  return row.is_baseline ? "baseline" : change_text(row.change, row.support, "");
}

std::string p_words(const Support& support) { return p_text(support.mcnemar_p) + (support.exact ? " (exact)" : ""); }

std::string latency_cell(const Row& row) {
  if (row.cost.latency_median <= 0) return kNoCell;
  return milliseconds_text(row.cost.latency_median) + " / " + milliseconds_text(row.cost.latency_p99);
}

template <class Cell>
Column column(const Table& table, const std::string& header, bool right, Cell cell) {
  return make_column(table.rows, header, right, cell);
}

// A column of numbers, where nothing above zero means nothing known.
template <class Number, class Format>
Column known_above_zero(const Table& table, const std::string& header, Number number, Format format) {
  return column(table, header, true, [&](const Row& row) {
    const auto value = number(row);
    return value > 0 ? format(value) : std::string(kNoCell);
  });
}

std::string images_text(double count) { return count_text(std::llround(count)); }
std::string seconds_text(double seconds) { return fixed(seconds, seconds < 9.95 ? 1 : 0); }

std::vector<Column> with_content(std::vector<Column> columns) {
  std::erase_if(columns, [](const Column& column) {
    return std::all_of(column.cells.begin(), column.cells.end(), [](const std::string& c) { return c == kNoCell; });
  });
  return columns;
}

}  // namespace

std::string share_text(double share, const Interval& interval) {
  return percent_text(share) + bracket(fixed(100 * interval.low, 2), fixed(100 * interval.high, 2));
}

std::string change_text(const Change& change, std::string (*number)(double)) {
  return number(change.value) + bracket(number(change.interval.low), number(change.interval.high));
}

Column name_column(const Table& table) {
  return column(table, "model", false, [](const Row& row) { return printable(row.name); });
}

Column kind_column(const Table& table) {
  return column(table, "kind", false, [](const Row& row) { return row.kind; });
}

std::vector<Column> quality_columns(const Table& table) {
  const auto method = [](const Row& row) { return row.method.empty() ? kNoCell : printable(row.method); };
  const auto nll = [](const Row& row) { return fixed(row.metrics.nll, 3); };
  const auto ece = [](const Row& row) { return fixed(row.metrics.ece, 3); };
  return with_content({column(table, "method", false, method), column(table, "accuracy [95%]", true, accuracy_cell),
                       column(table, "change, points [95%]", true, change_cell), column(table, "NLL", true, nll),
                       column(table, "ECE", true, ece)});
}

std::vector<Column> cost_columns(const Table& table) {
  const auto known = [&](const std::string& header, auto number, auto format) {
    return known_above_zero(table, header, number, format);
  };
  const bool any_cascade = std::any_of(table.rows.begin(), table.rows.end(), [](const Row& r) { return r.is_cascade; });
  const auto mean_latency = [&](const Row& row) {
    return any_cascade && row.cost.latency_mean > 0 ? milliseconds_text(row.cost.latency_mean) : std::string(kNoCell);
  };
  return with_content({known(
                           "params", [](const Row& r) { return r.cost.parameters; }, count_text),
                       known(
                           "MACs", [](const Row& r) { return r.cost.macs; }, count_text),
                       known(
                           "size", [](const Row& r) { return r.cost.size_on_disk; }, bytes_text),
                       column(table, "ms p50 / p99", true, latency_cell), column(table, "ms mean", true, mean_latency),
                       known(
                           "images/s", [](const Row& r) { return r.cost.throughput; }, images_text),
                       known(
                           "memory", [](const Row& r) { return r.cost.peak_memory; }, bytes_text),
                       known(
                           "train core-s", [](const Row& r) { return r.train_core_seconds; }, seconds_text),
                       known(
                           "+ labels", [](const Row& r) { return r.label_core_seconds; }, seconds_text)});
}

std::string heading(const Table& table) {
  std::string text = str(table.data, ", ", table.samples, " ", table.split, " samples.");
  const auto baseline =
      std::find_if(table.rows.begin(), table.rows.end(), [](const Row& row) { return row.is_baseline; });
  if (baseline != table.rows.end()) {
    text += " Change is against " + baseline->name;
    if (!table.baseline_asked_for) text += str(", the best ", baseline->kind == "member" ? "member " : "", "on val");
    text += ".";
  }
  const auto timed =
      std::find_if(table.rows.begin(), table.rows.end(), [](const Row& row) { return row.cost.latency_median > 0; });
  if (timed != table.rows.end()) {
    const Measurement& m = timed->cost;
    text += str(" Latency of a batch of ", m.batch, ", throughput of ", m.throughput_batch, "; ", m.threads,
                m.threads == 1 ? " thread" : " threads", ", models in turn",
                table.machine.empty() ? "" : " on " + table.machine, ".");
  }
  return printable(text);
}

std::string difference_sentence(const PairedDifference& d, int64_t samples) {
  const std::string runs = d.seeds > 1 ? str(" and ", d.seeds, " seeds") : "; one run of each";
  return printable(d.name_a + " - " + d.name_b) + ": " + change_text(d.change, d.support, " points, 95%") + " over " +
         str(samples) + " samples" + runs + "; McNemar's p " + p_words(d.support);
}

std::vector<std::string> notes(const Table& table) {
  std::string changes;
  bool all_supported = true;
  for (const Row& row : table.rows) {
    if (row.is_baseline) continue;
    changes += str(changes.empty() ? "" : ", ", printable(row.name), " ", p_words(row.support));
    all_supported = all_supported && row.support.supported;
  }
  for (const PairedDifference& d : table.differences) all_supported = all_supported && d.support.supported;
  std::vector<std::string> out;
  if (!changes.empty()) out.push_back("McNemar's p of the changes: " + changes + ".");
  if (!all_supported) {
    out.push_back(str(kMark, " The data do not support it: the interval holds 0, or McNemar's p is above 0.05 after ",
                      "Holm's correction for ", table.comparisons,
                      table.comparisons == 1 ? " comparison." : " comparisons."));
  }
  return out;
}

}  // namespace retort
