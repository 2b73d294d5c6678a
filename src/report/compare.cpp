#include <algorithm>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/machine.h"
#include "model/held_out.h"
#include "model/model_files.h"
#include "report/diversity_report.h"
#include "report/entries.h"
#include "report/student_report.h"
#include "report/support.h"
#include "retort/report.h"

namespace retort {

namespace {

double val_accuracy(Evaluator& evaluator, const Entry& entry) {
  if (entry.facts.val_accuracy) return *entry.facts.val_accuracy;
  Model model = evaluator.open(entry.path);
  const std::optional<Predictions> p = evaluator.combined(model, "val");
  return p ? evaluate(*p).accuracy : 0;  // stopped: nobody will see the table
}

void check_options(const CompareOptions& options) {
  if (options.models.empty()) fail_usage("compare", "no models given; expected run directories and ensembles");
  for (size_t i = 0; i < options.models.size(); ++i) {
    const auto is_it = [&](const std::string& other) { return is_same_path(other, options.models[i]); };
    if (std::any_of(options.models.begin(), options.models.begin() + static_cast<std::ptrdiff_t>(i), is_it)) {
      fail_usage(options.models[i], "is given twice");
    }
  }
  const auto is_baseline = [&](const std::string& model) { return is_same_path(model, options.baseline); };
  if (!options.baseline.empty() && std::none_of(options.models.begin(), options.models.end(), is_baseline)) {
    fail_usage("compare", "baseline '", options.baseline, "' is none of the models; give it as one, too");
  }
  const auto is_ensemble = [](const std::string& model) { return read_facts(model).kind == "ensemble"; };
  if (options.diversity && std::none_of(options.models.begin(), options.models.end(), is_ensemble)) {
    fail_usage("compare", "asked for the diversity of ensembles, but none is among the models; give one, too");
  }
}

// Accuracy of `group` above that of `base`.
Change change_of(const Group& group, const Group& base) {
  if (group.size() == 1 && base.size() == 1) return accuracy_change(base[0]->correct, group[0]->correct);
  return seeds_change(verdicts(base), verdicts(group));
}

// The mean of intervals' ends is no narrower than the interval of the mean.
void add_ends(Interval& sum, double share, const Interval& interval) {
  sum.low += share * interval.low;
  sum.high += share * interval.high;
}

// Means over the seeds, so that a line's numbers belong together; intervals are over samples.
Metrics mean_metrics(const Group& group) {
  const double share = 1.0 / static_cast<double>(group.size());
  Metrics mean{.samples = group.front()->metrics.samples};
  std::vector<double> right(group.front()->correct.size());
  for (const Entry* entry : group) {
    const Metrics& m = entry->metrics;
    mean.accuracy += share * m.accuracy;
    mean.nll += share * m.nll;
    mean.brier += share * m.brier;
    mean.ece += share * m.ece;
    mean.top5_accuracy += share * m.top5_accuracy;
    add_ends(mean.nll_interval, share, m.nll_interval);
    add_ends(mean.brier_interval, share, m.brier_interval);
    for (size_t i = 0; i < right.size(); ++i) right[i] += share * entry->correct[i];
  }
  mean.accuracy_interval = bootstrap_mean(right);
  return mean;
}

Row make_row(const Group& group) {
  const Entry& first = *group.front();
  Row row{.name = common_name(group), .kind = first.facts.kind, .method = first.facts.method, .path = first.path};
  row.is_cascade = first.facts.is_cascade;
  row.metrics = first.metrics;
  row.train_core_seconds = first.facts.train_core_seconds;
  row.label_core_seconds = first.facts.label_core_seconds;
  if (group.size() < 2) return row;
  row.metrics = mean_metrics(group);
  for (const Entry* entry : group) row.seed_accuracies.push_back(entry->metrics.accuracy);
  row.accuracy_over_seeds = mean_sd(row.seed_accuracies);
  return row;
}

// Rows that would be called the same are called by their paths.
void make_names_unique(std::vector<Row>& rows) {
  std::map<std::string, int> uses;
  for (const Row& row : rows) ++uses[row.name];
  for (Row& row : rows) {
    if (uses[row.name] > 1) row.name = row.path;
  }
}

// What was asked for, or the best member by val accuracy, never by test; where there are no members, the best of all.
size_t find_baseline(const std::vector<Group>& groups, const std::string& asked, Evaluator& evaluator) {
  for (size_t i = 0; i < groups.size() && !asked.empty(); ++i) {
    if (std::any_of(groups[i].begin(), groups[i].end(), [&](auto* e) { return is_same_path(e->path, asked); }))
      return i;
  }
  const auto is_member = [](const Group& group) { return group.front()->facts.kind == "member"; };
  const bool any_member = std::any_of(groups.begin(), groups.end(), is_member);
  size_t best = 0;
  double best_accuracy = -1;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (any_member && !is_member(groups[i])) continue;
    const double accuracy = val_accuracy(evaluator, *groups[i].front());
    if (accuracy > best_accuracy) best = i, best_accuracy = accuracy;
  }
  return best;
}

void add_difference(Table& table, const std::vector<Group>& groups, size_t a, size_t b) {
  const auto seeds = static_cast<int64_t>(std::min(groups[a].size(), groups[b].size()));
  table.differences.push_back({table.rows[a].name, table.rows[b].name, change_of(groups[a], groups[b]),
                               test_groups(verdicts(groups[b]), verdicts(groups[a])), seeds});
}

// Each ensemble against the best member, each distilled student against the same architecture from scratch.
void add_differences(Table& table, const std::vector<Group>& groups, size_t baseline) {
  for (size_t a = 0; a < groups.size(); ++a) {
    const RunFacts& facts = groups[a].front()->facts;
    if (facts.kind == "ensemble" && a != baseline) add_difference(table, groups, a, baseline);
    for (size_t b = 0; b < groups.size() && facts.distilled; ++b) {
      if (is_scratch_of(groups[b].front()->facts, facts)) add_difference(table, groups, a, b);
    }
  }
}

void measure_costs(Table& table, const CompareOptions& options, const Samples& samples, const Monitor& monitor) {
  std::vector<std::string> paths;
  for (const Row& row : table.rows) paths.push_back(row.path);
  if (options.measure_speed) {
    BenchOptions on_samples = options.bench;
    on_samples.samples = samples;
    const std::vector<Measurement> measured = bench(paths, on_samples, monitor);
    for (size_t i = 0; i < table.rows.size(); ++i) table.rows[i].cost = measured[i];
    return;
  }
  for (Row& row : table.rows) {
    const Model model(row.path, options.bench.model);
    row.cost = {.model = row.path, .precision = model.precision(), .batch = options.bench.batch};
    row.cost.threads = options.bench.threads;
    row.cost.throughput_batch = options.bench.throughput_batch;
    row.cost.size_on_disk = model.size_on_disk();
    row.cost.parameters = model.cost().parameters;
    row.cost.macs = model.cost().macs;
  }
}

// All that is compared: the rows' changes against the baseline, then the differences.
void add_comparisons(Table& table, const std::vector<Group>& groups, size_t baseline) {
  table.baseline = table.rows[baseline].name;
  for (size_t i = 0; i < groups.size(); ++i) {
    table.rows[i].is_baseline = i == baseline;
    if (i == baseline) continue;
    table.rows[i].change = change_of(groups[i], groups[baseline]);
    table.rows[i].support = test_groups(verdicts(groups[baseline]), verdicts(groups[i]));
  }
  add_differences(table, groups, baseline);
  correct_support(table);
}

// One member differs from nobody; what an ensemble within the ensemble answers is no network's; and of networks trained
// by folds val can say nothing, for they have seen it.
bool has_networks_to_compare(const fs::path& ensemble) {
  const std::vector<Ensemble::Member> members = load_ensemble(ensemble).members;
  return members.size() > 1 && !trained_by_folds(ensemble) &&
         std::none_of(members.begin(), members.end(),
                      [&](const Ensemble::Member& member) { return holds_ensemble(full_ref(member.path, ensemble)); });
}

void add_diversity(Table& table, const std::vector<Entry>& entries, Evaluator& evaluator) {
  std::vector<std::string> networks;
  for (const Entry& entry : entries) {
    if (entry.facts.kind == "member") networks.push_back(entry.path);
  }
  for (const Entry& entry : entries) {
    if (entry.facts.kind != "ensemble") continue;
    if (!has_networks_to_compare(entry.path)) continue;
    auto described = describe_ensemble(evaluator, entry.path, networks, table.split);
    if (!described) return;  // stopped: nobody will see the table
    table.diversity.push_back(std::move(*described));
  }
}

}  // namespace

Table compare(const CompareOptions& options, const Monitor& monitor) {
  check_options(options);
  Evaluator evaluator(options, monitor);
  Table table{.data = options.data, .split = options.split, .machine = machine_description()};
  table.baseline_asked_for = !options.baseline.empty();
  table.samples = evaluator.samples(options.split).size();
  std::vector<Entry> entries;
  for (const std::string& path : options.models) {
    std::optional<Entry> entry = make_entry(evaluator, path, options.split);
    if (!entry) return table;
    entries.push_back(std::move(*entry));
  }
  const std::vector<Group> groups = group_seeds(entries);
  for (const Group& group : groups) table.rows.push_back(make_row(group));
  make_names_unique(table.rows);
  add_comparisons(table, groups, find_baseline(groups, options.baseline, evaluator));
  add_students(table, groups, evaluator);
  if (options.diversity) add_diversity(table, entries, evaluator);
  measure_costs(table, options, evaluator.samples(options.split), monitor);
  if (monitor.stopping()) table = {.data = table.data, .split = table.split};
  return table;
}

}  // namespace retort
