#include <algorithm>

#include "base/jobs.h"
#include "base/machine.h"
#include "retort/train_several.h"
#include "train/failure.h"
#include "train/options.h"

namespace retort {

namespace {

TrainOutcome outcome_of(const TrainOptions& job, const Monitor& monitor) {
  try {
    if (monitor.stopping()) return {TrainResult{.run = job.out, .stopped = true}, {}};
    return {train(job, monitor), {}};
  } catch (...) {
    return {{}, present_failure(verb_of(job))};
  }
}

}  // namespace

std::vector<TrainOutcome> train_side_by_side(std::vector<TrainOptions> jobs, int threads, const Monitor& monitor) {
  check_several(jobs);
  const int cores = resolve_threads(threads), at_once = std::clamp<int>(static_cast<int>(jobs.size()), 1, cores);
  std::vector<TrainOutcome> outcomes(jobs.size());
  std::vector<Job> work;
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].threads = cores / at_once;
    work.push_back({.run = [&, i](int) { outcomes[i] = outcome_of(jobs[i], monitor); }, .threads = jobs[i].threads});
  }
  run_jobs(work, {.threads = cores});
  return outcomes;
}

std::vector<TrainResult> results_of(const std::vector<TrainOptions>& jobs, const std::vector<TrainOutcome>& outcomes) {
  std::vector<TrainResult> results;
  std::vector<std::string> failed;
  bool usage = true;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const TrainOutcome& outcome = outcomes[i];
    if (outcome.result) results.push_back(*outcome.result);
    if (!outcome.error) continue;
    failed.push_back(jobs.at(i).out + ": " + outcome.error->what());
    usage = usage && outcome.error->kind() == Error::Kind::usage;
  }
  if (failed.empty()) return results;
  throw Error(verb_of(jobs.front()),
              str(failed.size(), " of ", jobs.size(), " trainings failed, the others are kept: ", join(failed, " | ")),
              usage ? Error::Kind::usage : Error::Kind::failure);
}

}  // namespace retort
