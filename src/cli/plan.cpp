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

Json step_json(const StepCost& cost) {
  const StepLabel& label = cost.label;
  return {{"nodes", label.nodes}, {"candidate", label.candidate}, {"input", label.in},
          {"output", label.out},  {"seconds", cost.seconds},      {"torch_seconds", cost.torch_seconds}};
}

std::string table(const std::vector<StepCost>& costs, double total, double torch_total) {
  std::string text = step_heading({"ms", "LibTorch", "share"});
  for (const StepCost& cost : costs) {
    text += "\n" + step_line(cost.label, {milliseconds(cost.seconds), milliseconds(cost.torch_seconds),
                                          share_text(cost.seconds, total)});
  }
  return str(text, "\nin all ", milliseconds(total), " ms a step, by LibTorch's operations ", milliseconds(torch_total),
             " ms, without loss and optimizer");
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
