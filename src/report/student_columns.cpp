#include <algorithm>

#include "report/format.h"
#include "report/student_report.h"

namespace retort {

namespace {

constexpr size_t kWorstClasses = 3;

std::string tenths(double share) { return fixed(100 * share, 1); }

std::string gain_cell(const StudentReport& s) {
  if (!s.gain_kept) return kNoCell;
  const Interval& i = s.gain_kept->interval;
  return tenths(s.gain_kept->value) + "%" + bracket(tenths(i.low), tenths(i.high));
}

std::string arrow(double before, double after) { return fixed(before, 3) + " -> " + fixed(after, 3); }

std::string cost_cell(const StudentReport& s) {
  return fixed(s.label_core_seconds, 1) + " + " + fixed(s.train_core_seconds, 1);
}

// The classes on which it loses most, as far as the data show a loss.
std::string class_note(const StudentReport& s) {
  std::vector<StudentReport::ClassChange> lost;
  for (const auto& c : s.classes) {
    if (c.change.interval.high < 0) lost.push_back(c);
  }
  std::stable_sort(lost.begin(), lost.end(), [](auto& a, auto& b) { return a.change.value < b.change.value; });
  const size_t shown = std::min(lost.size(), kWorstClasses);
  std::vector<std::string> words;
  for (const auto& c : std::span(lost).first(shown)) {
    words.push_back(str(c.label, " ", change_text(c.change, points_text), " of ", percent_text(c.teacher_accuracy)));
  }
  std::string text = s.student + ", accuracy by class less the teacher's: ";
  if (words.empty()) return text + str("the data show no loss in any of ", s.classes.size(), " classes.");
  text += join(words, "; ");
  if (lost.size() > shown) text += str("; and ", lost.size() - shown, " more");
  return text + str(". ", s.classes.size() - lost.size(), " of ", s.classes.size(), " classes show no loss.");
}

}  // namespace

std::string students_heading(const Table& table) {
  return str("What students took over from their teachers, ", table.samples, " ", table.split,
             " samples. Agreement: they predict the same class. KL(teacher || student) at temperature 1. Gain kept: "
             "share of the teacher's accuracy above that of the same student from scratch. NLL and ECE: of its own "
             "logits -> divided by a temperature that was fitted on val.");
}

std::vector<Column> student_columns(const Table& table) {
  const auto column = [&](const char* header, bool right, auto cell) {
    return make_column(table.students, header, right, cell);
  };
  return {column("student", false, [](const StudentReport& s) { return printable(s.student); }),
          column("teacher", false, [](const StudentReport& s) { return printable(s.teacher); }),
          column("agreement [95%]", true,
                 [](const StudentReport& s) { return share_text(s.agreement, s.agreement_interval); }),
          column("KL", true, [](const StudentReport& s) { return fixed(s.kl, 3); }),
          column("gain kept [95%]", true, gain_cell),
          column("NLL", true, [](const StudentReport& s) { return arrow(s.raw.nll, s.calibrated.nll); }),
          column("ECE", true, [](const StudentReport& s) { return arrow(s.raw.ece, s.calibrated.ece); }),
          column("labels + training, core-s", true, cost_cell)};
}

std::vector<std::string> student_notes(const Table& table) {
  std::vector<std::string> notes;
  for (const StudentReport& s : table.students) notes.push_back(printable(class_note(s)));
  for (const StudentReport& s : table.students) {
    if (!s.is_calibrated) continue;
    notes.push_back(printable(s.student + " keeps a calibration, with which it stands in the table above; here stand "
                                          "its own logits."));
  }
  const auto no_gain = [](const StudentReport& s) { return !s.scratch.empty() && !s.gain_kept; };
  if (std::any_of(table.students.begin(), table.students.end(), no_gain)) {
    notes.emplace_back(
        "No share of a gain where the data do not show that the teacher is better than the student from "
        "scratch.");
  }
  return notes;
}

}  // namespace retort
