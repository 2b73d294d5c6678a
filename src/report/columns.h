/// \file columns.h
/// What the table's columns show: text and Markdown lay out the same ones.
#pragma once

#include <string>
#include <vector>

#include "retort/report.h"

namespace retort {

/// A cell without a number, such as a speed that was not measured.
inline constexpr const char* kNoCell = "-";

struct Column {
  std::string header;
  bool right = false;  ///< numbers stand right
  std::vector<std::string> cells;
};

/// A column of what `cell` makes of each row.
template <class Rows, class Cell>
Column make_column(const Rows& rows, const std::string& header, bool right, Cell cell) {
  Column out{header, right, {}};
  for (const auto& row : rows) out.cells.push_back(cell(row));
  return out;
}

/// "91.24% [90.68, 91.79]".
std::string share_text(double share, const Interval& interval);
/// A change and its interval, both as `number` writes them.
std::string change_text(const Change& change, std::string (*number)(double));

/// The rows' names, the first column of everything, and their kinds.
Column name_column(const Table& table);
Column kind_column(const Table& table);
/// How good, and what it costs; columns in which no row has anything are left out.
std::vector<Column> quality_columns(const Table& table);
std::vector<Column> cost_columns(const Table& table);

/// What stands above the table, and each of the differences below it, as sentences.
std::string heading(const Table& table);
std::string difference_sentence(const PairedDifference& difference, int64_t samples);
/// What stands below them: the p-values of the changes, and what the mark of an unsupported one means.
std::vector<std::string> notes(const Table& table);

}  // namespace retort
