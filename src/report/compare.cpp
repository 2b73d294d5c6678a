#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/machine.h"
#include "report/run_facts.h"
#include "retort/report.h"

namespace retort {

namespace {

// One model as it was evaluated; several seeds of one student become one row later.
struct Entry {
  std::string path, name;
  RunFacts facts;
  Metrics metrics;
  std::vector<uint8_t> correct;
};

// What all seeds of one row have in common, the first one first.
using Group = std::vector<const Entry*>;

// Evaluates models, members of several ensembles once only.
class Evaluator {
 public:
  Evaluator(const CompareOptions& options, const Monitor& monitor)
      : options_(options), monitor_(monitor), data_(open_data(options.data)), samples_(data_.split(options.split)) {}

  const DataSet& data() const { return data_; }
  const Samples& samples() const { return samples_; }

  // Nothing where the monitor stopped it.
  std::optional<Entry> evaluate(const std::string& path) {
    Model model(path, options_.bench.model);
    model.check_fits(data_);
    if (!learn_members(model)) return std::nullopt;
    std::vector<Predictions> members;
    for (int64_t m = 0; m < model.members(); ++m) members.push_back(known_.at(model.member(m).hash));
    const Predictions combined = combine(model.combiner(), align(members), model.name());
    return Entry{path, model.name(), read_facts(path), retort::evaluate(combined),
                 correct(combined.logits, combined.labels, combined.classes)};
  }

  double val_accuracy(const Entry& entry) {
    if (entry.facts.val_accuracy) return *entry.facts.val_accuracy;
    Model model(entry.path, options_.bench.model);
    const Predictions p = predict(model, data_, data_.val, {}, monitor_);
    if (p.samples < data_.val.size()) return 0;  // stopped: nobody will see the table
    return retort::evaluate(combine(model.combiner(), p, entry.name)).accuracy;
  }

 private:
  // Predicts with all members where one of them has not been seen. False where the monitor stopped it.
  bool learn_members(Model& model) {
    bool all_known = true;
    for (int64_t m = 0; m < model.members(); ++m) all_known = all_known && known_.contains(model.member(m).hash);
    if (all_known) return true;
    const Predictions p = predict(model, data_, samples_, {}, monitor_);
    if (p.samples < samples_.size()) return false;
    for (int64_t m = 0; m < model.members(); ++m) known_.insert_or_assign(model.member(m).hash, p.only(m));
    return true;
  }

  const CompareOptions& options_;
  const Monitor& monitor_;
  DataSet data_;
  Samples samples_;
  std::map<std::string, Predictions> known_;  ///< by the weights' hash
};

void check_options(const CompareOptions& options) {
  if (options.models.empty()) fail_usage("compare", "no models given; expected run directories and ensembles");
  std::set<fs::path> seen;
  for (const std::string& model : options.models) {
    std::error_code none;
    if (!seen.insert(fs::weakly_canonical(model, none)).second) fail_usage(model, "is given twice");
  }
}

// Students of one recipe and different seeds; all else stands alone, in the order given.
std::vector<Group> group_seeds(const std::vector<Entry>& entries) {
  std::vector<Group> groups;
  for (const Entry& entry : entries) {
    const auto is_seed_of = [&](const Group& group) {
      const RunFacts& first = group.front()->facts;
      return entry.facts.kind == "student" && !entry.facts.recipe.empty() && first.kind == "student" &&
             first.recipe == entry.facts.recipe &&
             std::none_of(group.begin(), group.end(), [&](auto* e) { return e->facts.seed == entry.facts.seed; });
    };
    const auto group = std::find_if(groups.begin(), groups.end(), is_seed_of);
    if (group == groups.end()) {
      groups.push_back({&entry});
    } else {
      group->push_back(&entry);
    }
  }
  return groups;
}

// What the names of a group's runs begin with, whole words: "kd-seed1", "kd-seed2" -> "kd".
std::string common_name(const Group& group) {
  std::string prefix = group.front()->name;
  for (const Entry* entry : group) {
    const auto end = std::mismatch(prefix.begin(), prefix.end(), entry->name.begin(), entry->name.end()).first;
    prefix.erase(end, prefix.end());
  }
  const bool whole = std::any_of(group.begin(), group.end(), [&](auto* e) { return e->name == prefix; });
  if (const size_t separator = prefix.find_last_of("-_. "); !whole && separator != std::string::npos) {
    prefix.erase(separator);
  }
  return prefix.empty() ? group.front()->name : prefix;
}

std::vector<std::vector<uint8_t>> verdicts(const Group& group) {
  std::vector<std::vector<uint8_t>> out;
  for (const Entry* entry : group) out.push_back(entry->correct);
  return out;
}

// Accuracy of `group` above that of `base`.
Change change_of(const Group& group, const Group& base) {
  if (group.size() == 1 && base.size() == 1) return accuracy_change(base[0]->correct, group[0]->correct);
  return seeds_change(verdicts(base), verdicts(group));
}

// Means over the seeds, so that a line's numbers belong together; the interval is over samples.
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
    for (size_t i = 0; i < right.size(); ++i) right[i] += share * entry->correct[i];
  }
  mean.accuracy_interval = bootstrap_mean(right);
  return mean;
}

Row make_row(const Group& group) {
  const Entry& first = *group.front();
  Row row{.name = common_name(group), .kind = first.facts.kind, .method = first.facts.method, .path = first.path};
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

// The best member by val accuracy, never by test; where there are no members, the best of all.
size_t find_baseline(const std::vector<Group>& groups, Evaluator& evaluator) {
  const auto is_member = [](const Group& group) { return group.front()->facts.kind == "member"; };
  const bool any_member = std::any_of(groups.begin(), groups.end(), is_member);
  size_t best = 0;
  double best_accuracy = -1;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (any_member && !is_member(groups[i])) continue;
    const double accuracy = evaluator.val_accuracy(*groups[i].front());
    if (accuracy > best_accuracy) best = i, best_accuracy = accuracy;
  }
  return best;
}

void add_difference(Table& table, const std::vector<Group>& groups, size_t a, size_t b) {
  const Change change = change_of(groups[a], groups[b]);
  const auto seeds = static_cast<int64_t>(std::min(groups[a].size(), groups[b].size()));
  table.differences.push_back({table.rows[a].name, table.rows[b].name, change.value, change.interval, seeds});
}

// Each ensemble against the best member, each distilled student against the same architecture from scratch.
void add_differences(Table& table, const std::vector<Group>& groups, size_t baseline) {
  for (size_t a = 0; a < groups.size(); ++a) {
    const RunFacts& facts = groups[a].front()->facts;
    if (facts.kind == "ensemble" && a != baseline) add_difference(table, groups, a, baseline);
    for (size_t b = 0; b < groups.size() && facts.distilled; ++b) {
      const RunFacts& other = groups[b].front()->facts;
      const bool scratch_student = other.kind == "student" && !other.distilled;
      if (scratch_student && other.architecture == facts.architecture) add_difference(table, groups, a, b);
    }
  }
}

void measure_costs(Table& table, const CompareOptions& options, const Monitor& monitor) {
  std::vector<std::string> paths;
  for (const Row& row : table.rows) paths.push_back(row.path);
  if (options.measure_speed) {
    const std::vector<Measurement> measured = bench(paths, options.bench, monitor);
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

}  // namespace

Table compare(const CompareOptions& options, const Monitor& monitor) {
  check_options(options);
  Evaluator evaluator(options, monitor);
  Table table{.data = options.data, .split = options.split, .machine = machine_description()};
  table.samples = evaluator.samples().size();
  std::vector<Entry> entries;
  for (const std::string& path : options.models) {
    std::optional<Entry> entry = evaluator.evaluate(path);
    if (!entry) return table;
    entries.push_back(std::move(*entry));
  }
  const std::vector<Group> groups = group_seeds(entries);
  for (const Group& group : groups) table.rows.push_back(make_row(group));
  make_names_unique(table.rows);
  const size_t baseline = find_baseline(groups, evaluator);
  table.baseline = table.rows[baseline].name;
  for (size_t i = 0; i < groups.size(); ++i) {
    table.rows[i].is_baseline = i == baseline;
    if (i != baseline) table.rows[i].change = change_of(groups[i], groups[baseline]);
  }
  add_differences(table, groups, baseline);
  measure_costs(table, options, monitor);
  if (monitor.stopping()) table.rows.clear(), table.differences.clear();
  return table;
}

}  // namespace retort
