#include "recipe/plan.h"

#include <algorithm>

#include "retort/weights.h"

namespace retort {

namespace {

constexpr double kGuessedRate = 20e9;  // multiply-adds a second and core, where only the order of steps matters
constexpr int64_t kSmallStep = int64_t{256} << 20;  // bytes, of what is no training

// The training's options with the model that its pretrained weights are of, where that can be seen.
TrainOptions known_options(const Recipe& recipe, const TrainOptions& asked) {
  TrainOptions o = asked;
  if (!o.model.empty() || is_hub_ref(o.pretrained)) return o;
  for (const RecipeStep& step : recipe.steps) {
    if (step.step->training() && step.out == o.pretrained) return known_options(recipe, *step.step->training());
  }
  if (is_there(o.pretrained)) o.model = read_config(o.pretrained).architecture;
  return o;
}

double seconds_per_image(const fs::path& run_file) {
  const std::string where = run_file.string();
  const Json run = parse_json(where, read_file(run_file));
  const double images = get<double>(where, run, "epochs") * get<double>(where, run, "samples_per_epoch");
  return images > 0 ? get<double>(where, run, "core_seconds") / images : 0;
}

// Processor seconds an image, of a finished training of the same network in the same directory.
void learn_from_runs(const Recipe& recipe, const TrainOptions& like, StepFacts& facts) {
  for (const RecipeStep& step : recipe.steps) {
    const std::vector<TrainOptions> trainings = step.step->trainings();
    for (size_t i = 0; i < trainings.size(); ++i) {
      const fs::path file = step.outputs()[i] / "run.json";
      if (trainings[i].model != like.model || trainings[i].img_size != like.img_size || !is_there(file)) continue;
      const double seconds = seconds_per_image(file);
      if (seconds <= 0) continue;
      facts.seconds_per_image = seconds;
      facts.rate = "as in " + step.name;
      return;
    }
  }
}

void look_at_training(const Recipe& recipe, const TrainOptions& asked, const RecipeOptions& how, const DataSet& data,
                      bool measure, StepFacts& facts) {
  TrainOptions options = known_options(recipe, asked);
  options.device = how.device;
  if (options.model.empty()) return;
  facts.needs = training_needs(options, data);
  learn_from_runs(recipe, options, facts);
  if (!facts.rate.empty()) return;
  facts.rate = measure ? "measured for a moment" : "guessed";
  facts.seconds_per_image =
      measure ? measure_training(options, data) : 3 * static_cast<double>(facts.needs.macs) / kGuessedRate;
}

// Processor seconds that one image takes forward through all networks of a step: a third of training it.
double forward_seconds(const Recipe& recipe, const std::vector<StepFacts>& facts, size_t i) {
  if (recipe.steps[i].step->training()) return facts[i].seconds_per_image / 3;
  double sum = 0;
  for (const size_t need : recipe.steps[i].needs) sum += forward_seconds(recipe, facts, need);
  return sum;
}

int level_of(const Recipe& recipe, size_t i) {
  int level = 0;
  for (const size_t need : recipe.steps[i].needs) level = std::max(level, 1 + level_of(recipe, need));
  return level;
}

// The threads of a training: its share among those that wait for equally many steps. It depends on the recipe alone, so
// that one that goes on has as many as before.
int thread_share(const Recipe& recipe, size_t i, int threads) {
  int beside = 0;
  for (size_t j = 0; j < recipe.steps.size(); ++j) {
    beside += recipe.steps[j].step->training() && level_of(recipe, j) == level_of(recipe, i);
  }
  return std::max(1, threads / std::min(threads, beside));
}

}  // namespace

std::vector<StepFacts> look_at(const Recipe& recipe, const RecipeOptions& options, bool measure) {
  std::vector<StepFacts> facts(recipe.steps.size());
  std::map<std::string, DataSet> opened;
  std::map<std::string, StepFacts> seen;  // trainings alike are measured once
  for (size_t i = 0; i < facts.size(); ++i) {
    const RecipeStep& step = recipe.steps[i];
    auto it = opened.find(step.data);
    if (it == opened.end()) it = opened.emplace(step.data, open_data(step.data)).first;
    const DataSet& data = it->second;
    const DataSet selected = step.step->select(data);
    facts[i].data_hash = selected.hash + selected.unlabeled_hash;  // empty where there is no such data
    facts[i].work = step.step->work(selected);
    for (const TrainOptions& training : step.step->trainings()) {
      const auto [known, first] = seen.try_emplace(str(training.model, '\n', training.pretrained, '\n', step.data, '\n',
                                                       training.img_size, '\n', training.batch));
      if (first) look_at_training(recipe, training, options, data, measure, known->second);
      facts[i].needs.macs += known->second.needs.macs;
      facts[i].needs.memory += known->second.needs.memory;
      facts[i].seconds_per_image += known->second.seconds_per_image;
      facts[i].rate = known->second.rate;
    }
  }
  for (size_t i = 0; i < facts.size(); ++i) {
    double forward = 0;
    for (const size_t need : recipe.steps[i].needs) forward += forward_seconds(recipe, facts, need);
    facts[i].core_seconds = facts[i].work.trained * facts[i].seconds_per_image + facts[i].work.predicted * forward;
  }
  return facts;
}

Inputs inputs_of(const Recipe& recipe, size_t i, const StepFacts& facts,
                 const std::function<std::string(size_t)>& output_of) {
  const RecipeStep& step = recipe.steps[i];
  Inputs inputs = {{"data:" + step.data, facts.data_hash}};
  for (const size_t need : step.needs) inputs[recipe.steps[need].name] = output_of(need);
  for (const std::string& ref : step.others) inputs[ref] = is_hub_ref(ref) ? ref : output_hash(resolve_model(ref));
  return inputs;
}

std::vector<Decision> decide_all(const Recipe& recipe, const std::vector<StepFacts>& facts, const RecipeState& state) {
  std::vector<std::optional<Decision>> made(recipe.steps.size());
  const std::function<const Decision&(size_t)> make = [&](size_t i) -> const Decision& {
    if (made[i]) return *made[i];
    const auto output_of = [&](size_t need) {
      const RecipeStep& step = recipe.steps[need];
      return make(need).run ? std::string() : step.step->output(step.out.string());
    };
    const Inputs inputs = inputs_of(recipe, i, facts[i], output_of);
    made[i] = decide(recipe.steps[i], state.find(recipe.steps[i].name), inputs);
    return *made[i];
  };
  std::vector<Decision> out;
  for (size_t i = 0; i < recipe.steps.size(); ++i) out.push_back(make(i));
  return out;
}

std::vector<Job> make_jobs(const Recipe& recipe, const std::vector<StepFacts>& facts,
                           const std::vector<Decision>& decisions, int threads) {
  std::vector<Job> jobs;
  for (size_t i = 0; i < recipe.steps.size(); ++i) {
    const Step& step = *recipe.steps[i].step;
    Job job{.after = recipe.steps[i].needs, .threads = 0, .alone = step.alone(), .memory = kSmallStep};
    if (step.training()) {
      job.threads = thread_share(recipe, i, threads);
      job.memory = facts[i].needs.memory;
    }
    const int used = step.training() ? job.threads : threads;
    job.length = decisions[i].run ? facts[i].core_seconds / used : 0;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace retort
