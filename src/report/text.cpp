#include <algorithm>

#include "report/diversity_report.h"
#include "report/format.h"
#include "report/student_report.h"

namespace retort {

namespace {

constexpr size_t kMinWidth = 40, kMinName = 12;
constexpr const char* kGap = "  ";
constexpr size_t kGapWidth = 2;

// A column as it is laid out.
struct Strip {
  std::vector<std::string> cells;  ///< the header, then one a row
  bool right = false;
  size_t width = 0;
};

Strip make_strip(const Column& column, size_t limit) {
  Strip strip{{column.header}, column.right};
  strip.cells.insert(strip.cells.end(), column.cells.begin(), column.cells.end());
  for (std::string& cell : strip.cells) {
    cell = shorten(cell, limit);
    strip.width = std::max(strip.width, display_width(cell));
  }
  return strip;
}

size_t total_width(const std::vector<Strip>& strips) {
  size_t width = 0;
  for (const Strip& strip : strips) width += strip.width + kGapWidth;
  return width;
}

std::string without_trailing_spaces(std::string line) { return line.erase(line.find_last_not_of(' ') + 1) + "\n"; }

std::string lay_out(const std::vector<const Strip*>& strips) {
  std::string out;
  for (size_t i = 0; i < strips.front()->cells.size(); ++i) {
    std::string line, rule;
    for (const Strip* strip : strips) {
      line += (line.empty() ? "" : kGap) + pad(strip->cells[i], strip->width, strip->right);
      rule += (rule.empty() ? "" : kGap) + std::string(strip->width, '-');
    }
    out += without_trailing_spaces(line);
    if (i == 0) out += rule + "\n";
  }
  return out;
}

// One table, or several under each other, each opened by the name, where the width does not hold all columns.
std::string stacked(const Strip& name, const std::vector<Strip>& strips, size_t width) {
  std::string out;
  for (size_t first = 0; first < strips.size();) {
    std::vector<const Strip*> line = {&name};
    size_t used = name.width;
    do {
      used += kGapWidth + strips[first].width;
      line.push_back(&strips[first++]);
    } while (first < strips.size() && used + kGapWidth + strips[first].width <= width);
    out += str(out.empty() ? "" : "\n", lay_out(line));
  }
  return out;
}

// No cell so wide that it leaves no room for a name.
std::vector<Strip> make_strips(const std::vector<Column>& columns, size_t width) {
  std::vector<Strip> strips;
  for (const Column& column : columns) strips.push_back(make_strip(column, width - kMinName - kGapWidth));
  return strips;
}

// A long name gives way before a table is broken.
Strip make_name(const Column& column, size_t beside, size_t width) {
  return make_strip(column, std::max(kMinName, width - std::min(width, beside)));
}

std::string lay_out_rows(const Table& table, size_t width) {
  const std::vector<Strip> quality = make_strips(quality_columns(table), width);
  const std::vector<Strip> cost = make_strips(cost_columns(table), width);
  const Strip name = make_name(name_column(table), std::max(total_width(quality), total_width(cost)), width);
  std::vector<Strip> all = quality;
  all.insert(all.end(), cost.begin(), cost.end());
  const bool one_table = name.width + total_width(all) <= width;
  std::string out = stacked(name, one_table ? all : quality, width);
  if (!one_table && !cost.empty()) out += str("\n", stacked(name, cost, width));
  return out;
}

// Columns of which the first one is the name.
std::string lay_out_named(const std::vector<Column>& columns, size_t width) {
  const std::vector<Strip> strips = make_strips({columns.begin() + 1, columns.end()}, width);
  return stacked(make_name(columns.front(), total_width(strips), width), strips, width);
}

std::string lay_out_diversity(const EnsembleDiversity& d, size_t width) {
  return str("\n", wrap(pairs_heading(d), width), "\n\n", lay_out_named(pair_columns(d), width), "\n",
             wrap(contributions_heading(d), width), "\n\n", lay_out_named(contribution_columns(d), width), "\n",
             wrap(advice(d), width), "\n");
}

std::string lay_out_students(const Table& table, size_t width) {
  std::string out =
      str("\n", wrap(students_heading(table), width), "\n\n", lay_out_named(student_columns(table), width), "\n");
  for (const std::string& note : student_notes(table)) out += wrap(note, width) + "\n";
  return out;
}

}  // namespace

std::string to_text(const Table& table, int width) {
  const size_t columns = std::max(kMinWidth, static_cast<size_t>(std::max(width, 0)));
  std::string out = wrap(heading(table), columns) + "\n";
  if (table.rows.empty()) return out;
  out += str("\n", lay_out_rows(table, columns));
  if (!table.differences.empty()) out += "\n";
  for (const PairedDifference& d : table.differences) {
    out += wrap(difference_sentence(d, table.samples), columns) + "\n";
  }
  const std::vector<std::string> below = notes(table);
  if (!below.empty()) out += "\n";
  for (const std::string& note : below) out += wrap(note, columns) + "\n";
  if (!table.students.empty()) out += lay_out_students(table, columns);
  for (const EnsembleDiversity& d : table.diversity) out += lay_out_diversity(d, columns);
  return out;
}

}  // namespace retort
