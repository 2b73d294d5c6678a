#include <algorithm>
#include <iomanip>
#include <sstream>

#include "base/machine.h"
#include "cli/command.h"
#include "network/measure.h"
#include "retort/zoo.h"

namespace retort::cli {

namespace {

struct PlanArguments {
  std::string model;
  int64_t batch = 128, image_size = 0, channels = 3, classes = 10;
  double seconds = 0.05;
};

std::string size_text(const Shape& shape) {
  std::string text;
  for (const int64_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text;
}

Json step_json(const StepCost& cost) {
  return {{"nodes", cost.nodes}, {"candidate", cost.candidate}, {"input", cost.in},
          {"output", cost.out},  {"seconds", cost.seconds},     {"torch_seconds", cost.torch_seconds}};
}

void write_row(std::ostream& out, const StepCost& cost, double total) {
  const std::string more = cost.nodes.size() > 1 ? str(" to ", cost.nodes.back()) : "";
  out << '\n'
      << std::left << std::setw(10) << cost.candidate << std::setw(11) << size_text(cost.in) << std::setw(11)
      << size_text(cost.out) << std::right << std::fixed << std::setprecision(3) << std::setw(9) << cost.seconds * 1e3
      << std::setprecision(1) << std::setw(6) << 100 * cost.seconds / total << "%" << std::setprecision(3)
      << std::setw(10) << cost.torch_seconds * 1e3 << "  " << cost.nodes.front() << more;
}

std::string table(const std::vector<StepCost>& costs, double total, double torch_total) {
  std::ostringstream out;
  out << std::left << std::setw(10) << "candidate" << std::setw(11) << "input" << std::setw(11) << "output"
      << std::right << std::setw(9) << "ms" << std::setw(7) << "share" << std::setw(10) << "LibTorch"
      << "  nodes";
  for (const StepCost& cost : costs) write_row(out, cost, total);
  out << "\nin all " << std::fixed << std::setprecision(2) << total * 1e3 << " ms a step, by LibTorch's operations "
      << torch_total * 1e3 << " ms, without loss and optimizer";
  return out.str();
}

void run_plan(const Context& context, const PlanArguments& arguments) {
  if (arguments.batch < 1) fail_usage("plan", "--batch is ", arguments.batch, "; expected at least 1");
  if (context.device != "cpu") fail_usage("plan", "--device is '", context.device, "'; only cpu has a choice");
  const int threads = context.threads_or_all();
  const Graph graph = build_model(arguments.model, arguments.classes, arguments.channels, arguments.image_size);
  const Shape image = {arguments.channels, arguments.image_size, arguments.image_size};
  const std::vector<StepCost> costs = measure_plan(graph, image, arguments.batch, threads, arguments.seconds);
  double total = 0, torch_total = 0;
  Json steps = Json::array();
  for (const StepCost& cost : costs) {
    total += cost.seconds;
    torch_total += cost.torch_seconds;
    steps.push_back(step_json(cost));
  }
  context.result({{"model", arguments.model},
                  {"machine", machine_description()},
                  {"threads", threads},
                  {"batch", arguments.batch},
                  {"image", image},
                  {"seconds", total},
                  {"torch_seconds", torch_total},
                  {"steps", steps}},
                 table(costs, total, torch_total));
}

}  // namespace

void add_plan(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* verb = add_verb(app, context, "plan", "How each node of a network is run in training, and what it costs",
                            [&context, arguments] { run_plan(context, *arguments); });
  verb->add_option("--model", arguments->model, "Backbone (retort list models)")->required();
  verb->add_option("--img-size", arguments->image_size, "Side of the images")->required();
  verb->add_option("--batch", arguments->batch, "Images of a step")->capture_default_str();
  verb->add_option("--channels", arguments->channels, "Of the images")->capture_default_str();
  verb->add_option("--classes", arguments->classes, "Of the logits")->capture_default_str();
  verb->add_option("--seconds", arguments->seconds, "Measured for each step that is unlike the others")
      ->capture_default_str();
}

}  // namespace retort::cli
