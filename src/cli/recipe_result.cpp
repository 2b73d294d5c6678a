#include "cli/recipe_result.h"

#include "base/file.h"
#include "cli/probe.h"

namespace retort::cli {

namespace {

Json step_json(const StepReport& s) {
  return {{"name", s.name},
          {"kind", s.kind},
          {"out", s.out},
          {"needs", s.needs},
          {"status", status_name(s.status)},
          {"why", s.why},
          {"error", s.error},
          {"seconds", s.seconds},
          {"core_seconds", s.core_seconds},
          {"rate", s.rate}};
}

void fail_steps(const RecipeResult& result, const std::string& how_to_go_on) {
  std::vector<std::string> failed;
  for (const StepReport& step : result.steps) {
    if (step.status == StepStatus::failed) failed.push_back(step.name + ": " + step.error);
  }
  if (failed.empty()) return;
  const std::vector<std::string> skipped = result.names(StepStatus::skipped);
  fail("run", failed.size(), " of ", result.steps.size(), " steps failed: ", join(failed, " | "),
       skipped.empty() ? "" : "; not run, because they need them: " + join(skipped), "; go on with: ", how_to_go_on);
}

}  // namespace

RecipeOptions recipe_options(const Context& context) {
  return {.threads = context.threads,
          .device = context.device,
          .seed = context.seed,
          .bench = bench_options(context),
          .command = context.command_line};
}

std::optional<RecipeResult> run_steps(Context& context, const RecipeOptions& options) {
  RecipeResult result = run_recipe(options, context.monitor());
  if (!interrupted()) return result;
  context.stopped("Go on with: " + context.command_line);
  return std::nullopt;
}

Json result_json(const RecipeResult& result) {
  Json steps = Json::array();
  for (const StepReport& step : result.steps) steps.push_back(step_json(step));
  Json json = {{"out", result.out}, {"wall_seconds", result.wall_seconds}, {"steps", steps}, {"table", nullptr}};
  if (!result.table.empty()) {
    const std::string file = (fs::path(result.table) / "table.json").string();
    json["table"] = parse_json(file, read_file(file));
  }
  return json;
}

void tell(const Context& context, const RecipeResult& result, const Json& document, const std::string& also) {
  if (context.json || result.names(StepStatus::failed).empty()) {
    std::string text = result.table.empty() ? "" : read_file(fs::path(result.table) / "table.txt");
    text += str(result.out, ": ", result.names(StepStatus::done).size(), " steps run in ",
                duration(result.wall_seconds), ", ", result.names(StepStatus::kept).size(), " were done before", also);
    context.result(document, text);
  }
  fail_steps(result, context.command_line);
}

}  // namespace retort::cli
