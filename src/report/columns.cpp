#include "report/columns.h"

#include <algorithm>
#include <cmath>

#include "report/format.h"

namespace retort {

namespace {

std::string bracket(const std::string& low, const std::string& high) { return " [" + low + ", " + high + "]"; }

std::string accuracy_cell(const Row& row) {
  if (row.seed_accuracies.size() > 1) {
    const MeanSd& a = row.accuracy_over_seeds;
    return str(fixed(100 * a.mean, 2), "\u00b1", fixed(100 * a.sd, 2), "% (", row.seed_accuracies.size(), " seeds)");
  }
  const Interval& i = row.metrics.accuracy_interval;
  return percent_text(row.metrics.accuracy) + bracket(fixed(100 * i.low, 2), fixed(100 * i.high, 2));
}

std::string change_cell(const Row& row) {
  if (row.is_baseline) return "baseline";
  return points_text(row.change.value) +
         bracket(points_text(row.change.interval.low), points_text(row.change.interval.high));
}

std::string latency_cell(const Row& row) {
  if (row.cost.latency_median <= 0) return kNoCell;
  return milliseconds_text(row.cost.latency_median) + " / " + milliseconds_text(row.cost.latency_p99);
}

// A column of numbers, where nothing above zero means nothing known.
template <class Number, class Format>
Column known_above_zero(const std::string& header, Number number, Format format) {
  return {header, true, [number, format](const Row& row) {
            const auto value = number(row);
            return value > 0 ? format(value) : std::string(kNoCell);
          }};
}

std::string images_text(double count) { return count_text(std::llround(count)); }
std::string seconds_text(double seconds) { return fixed(seconds, seconds < 9.95 ? 1 : 0); }

std::vector<Column> with_content(std::vector<Column> columns, const Table& table) {
  std::erase_if(columns, [&](const Column& column) {
    return std::all_of(table.rows.begin(), table.rows.end(),
                       [&](const Row& row) { return column.cell(row) == kNoCell; });
  });
  return columns;
}

}  // namespace

Column name_column() {
  return {"model", false, [](const Row& row) { return printable(row.name); }};
}

std::vector<Column> quality_columns(const Table& table) {
  const auto method = [](const Row& row) { return row.method.empty() ? kNoCell : printable(row.method); };
  return with_content({{"method", false, method},
                       {"accuracy [95%]", true, accuracy_cell},
                       {"change, points [95%]", true, change_cell},
                       {"NLL", true, [](const Row& row) { return fixed(row.metrics.nll, 3); }},
                       {"ECE", true, [](const Row& row) { return fixed(row.metrics.ece, 3); }}},
                      table);
}

std::vector<Column> cost_columns(const Table& table) {
  return with_content({known_above_zero(
                           "params", [](const Row& r) { return r.cost.parameters; }, count_text),
                       known_above_zero(
                           "MACs", [](const Row& r) { return r.cost.macs; }, count_text),
                       known_above_zero(
                           "size", [](const Row& r) { return r.cost.size_on_disk; }, bytes_text),
                       {"ms p50 / p99", true, latency_cell},
                       known_above_zero(
                           "images/s", [](const Row& r) { return r.cost.throughput; }, images_text),
                       known_above_zero(
                           "memory", [](const Row& r) { return r.cost.peak_memory; }, bytes_text),
                       known_above_zero(
                           "train core-s", [](const Row& r) { return r.train_core_seconds; }, seconds_text),
                       known_above_zero(
                           "+ labels", [](const Row& r) { return r.label_core_seconds; }, seconds_text)},
                      table);
}

std::string heading(const Table& table) {
  std::string text = str(table.data, ", ", table.samples, " ", table.split, " samples.");
  const auto baseline =
      std::find_if(table.rows.begin(), table.rows.end(), [](const Row& row) { return row.is_baseline; });
  if (baseline != table.rows.end()) {
    text += " Change is against " + baseline->name + ", the best " + (baseline->kind == "member" ? "member " : "") +
            "on val.";
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
  return printable(d.name_a + " - " + d.name_b) + ": " + points_text(d.value) + " points, 95%" +
         bracket(points_text(d.interval.low), points_text(d.interval.high)) + " over " + str(samples) + " samples" +
         runs;
}

}  // namespace retort
