#include <cctype>

#include "report/columns.h"
#include "report/format.h"

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

std::string lay_out(const Table& table, const std::vector<Column>& columns) {
  std::string header = "|", rule = "|", body;
  for (const Column& column : columns) {
    header += str(" ", column.header, " |");
    rule += column.right ? " ---: |" : " --- |";
  }
  for (const Row& row : table.rows) {
    body += "|";
    for (const Column& column : columns) {
      const bool is_text = !column.right;
      body += str(" ", is_text ? escape(column.cell(row)) : column.cell(row), " |");
    }
    body += "\n";
  }
  return header + "\n" + rule + "\n" + body;
}

}  // namespace

std::string to_markdown(const Table& table) {
  std::string out = escape(heading(table)) + "\n";
  if (table.rows.empty()) return out;
  std::vector<Column> quality = {name_column(), {"kind", false, [](const Row& row) { return row.kind; }}};
  for (Column& column : quality_columns(table)) quality.push_back(std::move(column));
  std::vector<Column> cost = {name_column()};
  for (Column& column : cost_columns(table)) cost.push_back(std::move(column));
  out += str("\n", lay_out(table, quality));
  if (cost.size() > 1) out += str("\n", lay_out(table, cost));
  if (!table.differences.empty()) out += "\n";
  for (PairedDifference d : table.differences) {
    d.name_a = escape(d.name_a);
    d.name_b = escape(d.name_b);
    out += str("- ", difference_sentence(d, table.samples), "\n");
  }
  if (!table.command.empty()) out += str("\nMade by\n\n    ", printable(table.command), "\n");
  return out;
}

}  // namespace retort
