#include <charconv>
#include <iomanip>

#include "base/file.h"
#include "cli/recipe_result.h"

namespace retort::cli {

namespace {

std::string plan_text(const RecipeResult& plan, int threads) {
  size_t width = 4;
  double total = 0;
  for (const StepReport& step : plan.steps) {
    width = std::max(width, step.name.size());
    total += step.core_seconds;
  }
  std::ostringstream out;
  out << std::left << std::setw(static_cast<int>(width) + 2) << "step" << std::setw(10) << "kind" << std::setw(9) << ""
      << std::right << std::setw(14) << "core time"
      << "  why";
  for (const StepReport& step : plan.steps) {
    const bool runs = step.status == StepStatus::planned;
    out << '\n'
        << std::left << std::setw(static_cast<int>(width) + 2) << step.name << std::setw(10) << step.kind
        << std::setw(9) << (runs ? "will run" : "done") << std::right << std::setw(14)
        << (step.core_seconds > 0 ? duration(step.core_seconds) : "-") << "  " << step.why;
    if (runs && !step.rate.empty()) out << "; rate " << step.rate;
  }
  const size_t count = plan.names(StepStatus::planned).size();
  out << '\n'
      << count << " of " << plan.steps.size() << " steps would run: about " << duration(total)
      << " of processor time, at least " << duration(plan.wall_seconds) << " on " << threads << " thread(s)";
  return out.str();
}

// "8G", "500M", or bytes.
int64_t parse_bytes(const std::string& text) {
  if (text.empty()) return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  const std::string units = "KMGT";
  const size_t power = unit.empty() ? 0 : units.find(unit.front()) + 1;
  if (error != std::errc() || !(value > 0) || unit.size() > 1 || (!unit.empty() && power == 0) || value > 1e15) {
    fail_usage("run --memory", "'", text, "' given; expected bytes, such as 8G or 500M");
  }
  return static_cast<int64_t>(value * static_cast<double>(int64_t{1} << (10 * power)));
}

struct RunArguments {
  std::string file, out, memory;
  std::vector<std::string> set, only;
  bool dry_run = false;
};

void run_run(Context& context, const RunArguments& arguments) {
  RecipeOptions options = recipe_options(context);
  options.name = arguments.file;
  options.text = read_file(arguments.file);
  options.set = arguments.set;
  if (!arguments.out.empty()) options.set.push_back("out=" + Json(arguments.out).dump());
  options.only = arguments.only;
  options.memory = parse_bytes(arguments.memory);
  if (!arguments.dry_run) {
    const auto result = run_steps(context, options);
    if (result) tell(context, *result, result_json(*result));
    return;
  }
  const RecipeResult plan = plan_recipe(options, context.monitor());
  context.result(result_json(plan), plan_text(plan, context.threads_or_all()));
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* verb = add_verb(app, context, "run", "The steps of a recipe that are not done yet",
                            [&context, arguments] { run_run(context, *arguments); });
  verb->add_option("recipe", arguments->file, "TOML file (docs/recipes.md)")->required();
  verb->add_option("--out", arguments->out, "Directory for everything, in place of the recipe's");
  verb->add_option("--set", arguments->set,
                   "KEY=VALUE in place of what the recipe says, such as defaults.train.epochs=1")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--only", arguments->only, "These steps and what they need")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--memory", arguments->memory,
                   "Of trainings side by side, such as 8G; no limit where it is left out");
  verb->add_flag("--dry-run", arguments->dry_run, "Show what would run, why, and what it would cost");
}

}  // namespace retort::cli
