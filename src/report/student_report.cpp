#include "report/student_report.h"

#include <algorithm>
#include <set>

#include "metrics/scores.h"

namespace retort {

namespace {

using Verdicts = std::vector<uint8_t>;

// Whether the student learnt from this model: its networks, combined in the same way.
bool is_teacher(const Entry& model, const RunFacts& student) {
  const auto networks = [](const std::vector<std::string>& hashes) {
    return std::multiset(hashes.begin(), hashes.end());
  };
  if (networks(model.networks) != networks(student.teacher_networks)) return false;
  if (!student.teacher.empty()) return is_same_path(student.teacher, model.path);
  return model.networks.size() == 1 ||
         model.facts.method == (student.combiner.empty() ? "mean_logits" : student.combiner);
}

std::optional<size_t> find_group(const std::vector<Group>& groups, const std::function<bool(const Entry&)>& is_it) {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return is_it(*g.front()); });
  if (found == groups.end()) return std::nullopt;
  return static_cast<size_t>(found - groups.begin());
}

// What one run says without its calibration.
struct Uncalibrated {
  Predictions shown, val;
};

std::optional<Uncalibrated> uncalibrated(Evaluator& evaluator, const Entry& student, const std::string& split) {
  Model model = evaluator.open(student.path);
  auto shown = evaluator.members(model, split), val = evaluator.members(model, "val");
  if (!shown || !val) return std::nullopt;
  return Uncalibrated{std::move(*shown), std::move(*val)};
}

std::vector<double> mean_of(const std::vector<std::vector<double>>& runs) {
  std::vector<double> mean(runs.front().size());
  for (const auto& run : runs) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += run[i] / static_cast<double>(runs.size());
  }
  return mean;
}

// NLL and ECE before and after a temperature that val was fitted with.
void add_calibration(StudentReport& report, const Uncalibrated& run, double share) {
  const auto add = [share](StudentReport::Calibrated& to, const Predictions& p) {
    const Metrics m = metrics_of(scores(p.logits, p.labels, p.classes));  // no intervals are shown
    to.nll += share * m.nll;
    to.ece += share * m.ece;
  };
  const auto fitted = fit_calibration("temperature", run.val);
  add(report.raw, run.shown);
  add(report.calibrated, combine(*fitted, run.shown, "calibrated"));
  report.temperature += share * fitted->fitted().at("temperatures").values.at(0);
}

// Those of `verdicts` whose sample is of the class.
Verdicts of_class(const Verdicts& verdicts, const std::vector<int64_t>& labels, int64_t label) {
  Verdicts out;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == label) out.push_back(verdicts[i]);
  }
  return out;
}

std::vector<StudentReport::ClassChange> class_changes(const Group& student, const Entry& teacher, const DataSet& data) {
  const std::vector<int64_t>& labels = teacher.answers.labels;
  const std::vector<Verdicts> of_runs = verdicts(student);
  std::vector<StudentReport::ClassChange> out;
  for (int64_t label = 0; label < data.classes(); ++label) {
    const std::vector<Verdicts> of_teacher = {of_class(teacher.correct, labels, label)};
    if (of_teacher[0].empty()) continue;
    std::vector<Verdicts> of_student;
    for (const Verdicts& run : of_runs) of_student.push_back(of_class(run, labels, label));
    const auto samples = std::ssize(of_teacher[0]);
    const auto right = std::count(of_teacher[0].begin(), of_teacher[0].end(), 1);
    out.push_back({data.label_names[static_cast<size_t>(label)], samples,
                   static_cast<double>(right) / static_cast<double>(samples), seeds_change(of_teacher, of_student)});
  }
  return out;
}

std::optional<StudentReport> describe(const Group& student, const Entry& teacher, Evaluator& evaluator,
                                      const std::string& split) {
  const double share = 1.0 / static_cast<double>(student.size());
  StudentReport report{.seeds = std::ssize(student), .temperature = 0};
  std::vector<std::vector<double>> same, kl;
  for (const Entry* run : student) {
    const auto raw = uncalibrated(evaluator, *run, split);
    if (!raw) return std::nullopt;
    Likeness like = likeness(teacher.answers.logits, run->answers.logits, teacher.answers.classes);
    same.push_back(std::move(like.same));
    kl.push_back(std::move(like.kl));
    add_calibration(report, *raw, share);
  }
  const std::vector<double> mean_same = mean_of(same), mean_kl = mean_of(kl);
  report.agreement = mean_sd(mean_same).mean, report.agreement_interval = bootstrap_mean(mean_same);
  report.kl = mean_sd(mean_kl).mean, report.kl_interval = bootstrap_mean(mean_kl);
  const RunFacts& facts = student.front()->facts;
  report.is_calibrated = facts.is_calibrated;
  report.train_core_seconds = facts.train_core_seconds;
  report.label_core_seconds = facts.label_core_seconds;
  report.classes = class_changes(student, teacher, evaluator.data());
  return report;
}

}  // namespace

void add_students(Table& table, const std::vector<Group>& groups, Evaluator& evaluator) {
  for (size_t s = 0; s < groups.size(); ++s) {
    const RunFacts& facts = groups[s].front()->facts;
    if (!facts.distilled) continue;
    const auto teacher = find_group(groups, [&](const Entry& entry) { return is_teacher(entry, facts); });
    if (!teacher) continue;
    const Entry& entry = *groups[*teacher].front();
    auto report = describe(groups[s], entry, evaluator, table.split);
    if (!report) return;
    report->student = table.rows[s].name;
    report->teacher = table.rows[*teacher].name;
    const auto scratch = find_group(groups, [&](const Entry& other) { return is_scratch_of(other.facts, facts); });
    if (scratch) {
      report->scratch = table.rows[*scratch].name;
      report->gain_kept = gain_kept(verdicts(groups[*scratch]), verdicts(groups[s]), entry.correct);
    }
    table.students.push_back(std::move(*report));
  }
}

}  // namespace retort
