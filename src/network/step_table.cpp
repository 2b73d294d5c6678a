#include "network/step_table.h"

#include <iomanip>
#include <sstream>

#include "network/plan.h"
#include "retort/base.h"

namespace retort {

namespace {

std::string size_text(const Shape& shape) {
  std::string text;
  for (const int64_t n : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(n);
  }
  return text;
}

std::string line(const std::string& candidate, const std::string& in, const std::string& out, const StepCells& cells,
                 const std::string& nodes) {
  std::ostringstream text;
  text << std::left << std::setw(10) << candidate << std::setw(11) << in << std::setw(11) << out << std::right;
  text << std::setw(9) << cells[0] << std::setw(9) << cells[1] << std::setw(7) << cells[2] << "  " << nodes;
  return text.str();
}

}  // namespace

StepLabel label_of(const Graph& graph, const std::vector<Shape>& shapes, const Step& step) {
  StepLabel label{.candidate = step.candidate->name,
                  .in = shapes[static_cast<size_t>(step.inputs[0])],
                  .out = shapes[static_cast<size_t>(step.nodes.back())]};
  for (const int i : step.nodes) label.nodes.push_back(graph.nodes[static_cast<size_t>(i)].name);
  return label;
}

std::string step_heading(const StepCells& titles) { return line("candidate", "input", "output", titles, "nodes"); }

std::string step_line(const StepLabel& label, const StepCells& cells) {
  const size_t more = label.nodes.size() - 1;
  const std::string nodes = more > 0 ? str(label.nodes.front(), " +", more) : label.nodes.front();
  return line(label.candidate, size_text(label.in), size_text(label.out), cells, nodes);
}

std::string milliseconds(double seconds) { return str(std::fixed, std::setprecision(3), seconds * 1e3); }

std::string share_text(double part, double whole) {
  return str(std::fixed, std::setprecision(1), 100 * part / whole, "%");
}

}  // namespace retort
