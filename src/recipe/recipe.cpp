#include "retort/recipe.h"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "base/file_lock.h"
#include "base/machine.h"
#include "recipe/plan.h"

namespace retort {

namespace {

std::vector<StepReport> reports_of(const Recipe& recipe, const std::vector<StepFacts>& facts,
                                   const std::vector<Decision>& decisions) {
  std::vector<StepReport> reports;
  for (size_t i = 0; i < recipe.steps.size(); ++i) {
    const RecipeStep& step = recipe.steps[i];
    StepReport report{.name = step.name, .kind = step.kind->name, .out = step.out.string()};
    for (const size_t need : step.needs) report.needs.push_back(recipe.steps[need].name);
    report.status = decisions[i].run ? StepStatus::planned : StepStatus::kept;
    report.why = decisions[i].why;
    report.core_seconds = decisions[i].run ? facts[i].core_seconds : 0;
    report.rate = facts[i].rate;
    reports.push_back(std::move(report));
  }
  return reports;
}

// Directory of the last report whose table is there.
std::string table_of(const Recipe& recipe, const std::vector<StepReport>& reports) {
  std::string table;
  for (size_t i = 0; i < recipe.steps.size(); ++i) {
    const bool there = reports[i].status == StepStatus::kept || reports[i].status == StepStatus::done;
    if (there && reports[i].kind == "report") table = reports[i].out;
  }
  return table;
}

/// Runs the steps of one recipe; each step's work is called on a thread of its own.
class Runner {
 public:
  Runner(const Recipe& recipe, const RecipeOptions& options, const Monitor& monitor)
      : recipe_(recipe),
        options_(options),
        monitor_(monitor),
        state_(recipe.out),
        facts_(look_at(recipe, options, /*measure=*/false)),
        outputs_(recipe.steps.size()) {}

  RecipeResult run() {
    const int threads = resolve_threads(options_.threads);
    const std::vector<Decision> decisions = decide_all(recipe_, facts_, state_);
    reports_ = reports_of(recipe_, facts_, decisions);
    started_ = std::count_if(decisions.begin(), decisions.end(), [](const Decision& d) { return !d.run; });
    if (started_ > 0) monitor_.remark(str(started_, " of ", reports_.size(), " steps are done already"));
    std::vector<Job> jobs = make_jobs(recipe_, facts_, decisions, threads);
    for (size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].run = [this, i](int share) { work(i, share); };
    }
    const double start = wall_seconds();
    const auto ends = run_jobs(jobs, {.threads = threads, .memory = options_.memory}, monitor_.stop);
    for (size_t i = 0; i < ends.size(); ++i) finish(reports_[i], ends[i]);
    RecipeResult result{.out = recipe_.out, .steps = reports_, .wall_seconds = wall_seconds() - start};
    result.table = table_of(recipe_, reports_);
    return result;
  }

 private:
  // What is decided now may differ from what was planned: a step made anew may leave what it left before.
  void work(size_t i, int threads) {
    const RecipeStep& step = recipe_.steps[i];
    StepRecord record{.kind = step.kind->name, .settings = step.settings};
    record.inputs = inputs_of(recipe_, i, facts_[i], [&](size_t need) { return outputs_[need]; });
    const Decision decision = decide(step, state_.find(step.name), record.inputs);
    if (decision.run) {
      begin(i, decision);
      prepare(step, decision, record);
      const double start = wall_seconds();
      step.step->run(step.out.string(), threads, options_, monitor_);
      record.seconds = wall_seconds() - start;
    }
    if (!step.whole()) {
      if (!monitor_.stopping()) fail(step.name, "left no ", step.step->last_file(), "; run it again");
      const std::lock_guard lock(mutex_);
      reports_[i].status = StepStatus::stopped;
      return;
    }
    outputs_[i] = step.step->output(step.out.string());
    record.output = outputs_[i];
    if (decision.run) state_.put(step.name, record);
    const std::lock_guard lock(mutex_);
    reports_[i].status = decision.run ? StepStatus::done : StepStatus::kept;
    reports_[i].why = decision.why;
  }

  void begin(size_t i, const Decision& decision) {
    const std::lock_guard lock(mutex_);
    StepReport& report = reports_[i];
    if (report.status == StepStatus::planned) ++started_;
    report.status = StepStatus::stopped;  // until it has ended
    report.why = decision.why;
    monitor_.remark(str(started_, "/", reports_.size(), "  ", report.kind, " ", report.name,
                        decision.why == "new" ? "" : "  (" + decision.why + ")"));
  }

  // A kill at any point leaves either the old record and output, or a record that says to begin anew.
  void prepare(const RecipeStep& step, const Decision& decision, const StepRecord& record) {
    if (decision.clean && step.step->owns_directory()) {
      state_.put(step.name, {.kind = step.kind->name});
      std::error_code error;
      fs::remove_all(step.out, error);
      if (error) fail(step.out.string(), "cannot remove what an earlier run left: ", error.message());
    }
    state_.put(step.name, record);
  }

  void finish(StepReport& report, const JobResult& end) const {
    report.seconds = report.status == StepStatus::kept ? 0 : end.seconds;
    if (end.end == JobEnd::skipped) report.status = StepStatus::skipped;
    if (end.end == JobEnd::stopped) report.status = StepStatus::stopped;
    if (end.end != JobEnd::failed) return;
    report.status = monitor_.stopping() ? StepStatus::stopped : StepStatus::failed;  // some throw when they are stopped
    try {
      std::rethrow_exception(end.error);
    } catch (const std::exception& error) {
      report.error = error.what();
    }
  }

  const Recipe& recipe_;
  const RecipeOptions& options_;
  const Monitor& monitor_;
  RecipeState state_;
  const std::vector<StepFacts> facts_;
  std::vector<std::string> outputs_;  ///< hashes, of the steps that are done; read by those after them only
  std::mutex mutex_;
  std::vector<StepReport> reports_;
  int64_t started_ = 0;  ///< steps that are done or begun
};

}  // namespace

std::string status_name(StepStatus status) {
  switch (status) {
    case StepStatus::kept:
      return "kept";
    case StepStatus::planned:
      return "planned";
    case StepStatus::done:
      return "done";
    case StepStatus::failed:
      return "failed";
    case StepStatus::skipped:
      return "skipped";
    case StepStatus::stopped:
      return "stopped";
  }
  return "";
}

std::vector<std::string> RecipeResult::names(StepStatus status) const {
  std::vector<std::string> found;
  for (const StepReport& step : steps) {
    if (step.status == status) found.push_back(step.name);
  }
  return found;
}

RecipeResult plan_recipe(const RecipeOptions& options, const Monitor&) {
  const Recipe recipe = read_recipe(options);
  const int threads = resolve_threads(options.threads);
  const RecipeState state(recipe.out);
  const std::vector<StepFacts> facts = look_at(recipe, options, /*measure=*/true);
  const std::vector<Decision> decisions = decide_all(recipe, facts, state);
  RecipeResult result{.out = recipe.out, .steps = reports_of(recipe, facts, decisions)};
  const std::vector<Job> jobs = make_jobs(recipe, facts, decisions, threads);
  double work = 0;  // no plan is faster than all of it on all threads, nor than the longest chain
  for (const StepReport& step : result.steps) work += step.core_seconds;
  const std::vector<double> chains = chain_lengths(jobs);
  result.wall_seconds = std::max(work / threads, *std::max_element(chains.begin(), chains.end()));
  result.table = table_of(recipe, result.steps);
  return result;
}

RecipeResult run_recipe(const RecipeOptions& options, const Monitor& monitor) {
  const Recipe recipe = read_recipe(options);
  make_directory(recipe.out);
  const FileLock lock(fs::path(recipe.out) / ".recipe_lock", [&] {
    fail(recipe.out, "another retort run is at work in it; wait until it has ended, or choose another out");
  });
  return Runner(recipe, options, monitor).run();
}

}  // namespace retort
