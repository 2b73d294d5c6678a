/// \file step_table.h
/// The steps of a plan as people see them: a line each, with what was measured.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "retort/graph.h"

namespace retort {

struct Step;

/// What a step is: who runs it, on what.
struct StepLabel {
  std::string candidate;
  Shape in, out;  ///< of one image: its first input, what it gives
  std::vector<std::string> nodes;
};
/// `shapes` as infer_shapes gives them.
StepLabel label_of(const Graph& graph, const std::vector<Shape>& shapes, const Step& step);

/// The table's columns of numbers: two times and a share, so that a line fits a terminal.
using StepCells = std::array<std::string, 3>;
std::string step_heading(const StepCells& titles);
/// The label with its first node and how many more there are.
std::string step_line(const StepLabel& label, const StepCells& cells);

/// "12.345"; "8.1%".
std::string milliseconds(double seconds);
std::string share_text(double part, double whole);

}  // namespace retort
