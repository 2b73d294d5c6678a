/// \file student_report.h
/// What distilled students took over from their teachers.
#pragma once

#include <string>
#include <vector>

#include "report/columns.h"
#include "report/entries.h"

namespace retort {

/// Of each group of distilled students whose teacher is a row of the table; `table.rows` are those of `groups`. Leaves
/// out what the monitor stopped.
void add_students(Table& table, const std::vector<Group>& groups, Evaluator& evaluator);

/// What stands above the table of students, its columns (the first one is the name), and what stands below it, a line
/// for each student: the classes on which it loses.
std::string students_heading(const Table& table);
std::vector<Column> student_columns(const Table& table);
std::vector<std::string> student_notes(const Table& table);

}  // namespace retort
