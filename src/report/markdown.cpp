#include <cctype>

#include "report/diversity_report.h"
#include "report/format.h"
#include "report/student_report.h"

namespace retort {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || (static_cast<unsigned char>(c) & 0x80u); }

// Names come from directories: nothing in one may open a column, a link, HTML or emphasis. An underscore between
// letters does none of these, and most names have one.
std::string escape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool inside_word = i > 0 && i + 1 < text.size() && is_word(text[i - 1]) && is_word(text[i + 1]);
    if (std::string_view("\\`*|<>[]~&$").find(c) != std::string_view::npos || (c == '_' && !inside_word)) out += '\\';
    out += c;
  }
  return out;
}

std::string lay_out(const std::vector<Column>& columns) {
  std::string header = "|", rule = "|", body;
  for (const Column& column : columns) {
    header += str(" ", column.header, " |");
    rule += column.right ? " ---: |" : " --- |";
  }
  for (size_t row = 0; row < columns.front().cells.size(); ++row) {
    body += "|";
    for (const Column& column : columns) {
      const std::string& cell = column.cells[row];
      body += str(" ", column.right ? cell : escape(cell), " |");
    }
    body += "\n";
  }
  return header + "\n" + rule + "\n" + body;
}

std::string lay_out(std::vector<Column> first, std::vector<Column> rest) {
  for (Column& column : rest) first.push_back(std::move(column));
  return lay_out(first);
}

std::string lay_out(const EnsembleDiversity& d) {
  return str("\n", escape(pairs_heading(d)), "\n\n", lay_out(pair_columns(d)), "\n", escape(contributions_heading(d)),
             "\n\n", lay_out(contribution_columns(d)), "\n", escape(advice(d)), "\n");
}

std::string lay_out_students(const Table& table) {
  std::string out = str("\n", escape(students_heading(table)), "\n\n", lay_out(student_columns(table)));
  for (const std::string& note : student_notes(table)) out += str("\n", escape(note), "\n");
  return out;
}

}  // namespace

std::string to_markdown(const Table& table) {
  std::string out = escape(heading(table)) + "\n";
  if (table.rows.empty()) return out;
  out += str("\n", lay_out({name_column(table), kind_column(table)}, quality_columns(table)));
  const std::vector<Column> cost = cost_columns(table);
  if (!cost.empty()) out += str("\n", lay_out({name_column(table)}, cost));
  if (!table.differences.empty()) out += "\n";
  for (PairedDifference d : table.differences) {
    d.name_a = escape(d.name_a);
    d.name_b = escape(d.name_b);
    out += str("- ", difference_sentence(d, table.samples), "\n");
  }
  for (const std::string& note : notes(table)) out += str("\n", escape(note), "\n");
  if (!table.students.empty()) out += lay_out_students(table);
  for (const EnsembleDiversity& d : table.diversity) out += lay_out(d);
  if (!table.command.empty()) out += str("\nMade by\n\n    ", printable(table.command), "\n");
  return out;
}

}  // namespace retort
