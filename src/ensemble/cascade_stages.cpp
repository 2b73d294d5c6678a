#include "ensemble/cascade_stages.h"

#include <algorithm>
#include <bit>
#include <map>

#include "base/softmax.h"
#include "ensemble/cascade.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr const char* kWhere = "cascade";
constexpr int64_t kExhaustive = 5;         // members up to which all cascades are looked at
constexpr size_t kMostStages = 3;          // before the last: each threshold more is one more that val may mislead
constexpr int64_t kSearchSamples = 10000;  // are enough to tell which members come first
constexpr double kRounding = 1 + 1e-9;

class StageSearch {
 public:
  StageSearch(const Ensemble& ensemble, const Predictions& val, const CascadeOptions& options, MemberSet needed)
      : ensemble_(ensemble),
        costs_(options.costs),
        threads_(options.threads),
        val_(val),
        needed_(needed),
        whole_(fit_stage(ensemble, val, cost_of(needed, costs_), threads_).answers),
        goal_(goal_of(options.target, whole_.cost, whole_.right)) {}

  StageSets run() {
    consider({});
    if (members() <= kExhaustive) {
      extend({});
    } else {
      grow();
    }
    return best_sets_;
  }

 private:
  int64_t members() const { return std::ssize(costs_); }
  bool is_last(MemberSet set) const { return (set & needed_) == needed_; }

  const StageAnswers& answers_of(MemberSet set) {
    const auto known = known_.find(set);
    if (known != known_.end()) return known->second;
    const Predictions part = val_.only(members_of(set));
    return known_.emplace(set, fit_stage(ensemble_, part, cost_of(set, costs_), threads_).answers).first->second;
  }

  // Whether they make the best cascade so far.
  bool consider(const StageSets& sets) {
    StageAnswers last = whole_;
    last.cost = cost_of(last_set(sets, needed_), costs_);
    std::vector<const StageAnswers*> stages;
    for (const MemberSet set : sets) stages.push_back(&answers_of(set));
    stages.push_back(&last);
    const auto choice = choose_thresholds(stages, goal_);
    if (!choice || (best_ && !goal_.better(choice->right, choice->cost, *best_))) return false;
    best_ = choice, best_sets_ = sets;
    return true;
  }

  // All cascades that begin with these stages.
  void extend(const StageSets& sets) {
    if (sets.size() == kMostStages) return;
    const MemberSet before = sets.empty() ? 0 : sets.back();
    for (MemberSet set = 1; set < bit(members()); ++set) {
      if (set == before || (set & before) != before || is_last(set)) continue;
      StageSets longer = sets;
      longer.push_back(set);
      consider(longer);
      extend(longer);
    }
  }

  // Step by step the one member more, in a stage of its own or in the last one, that helps most, until none does.
  void grow() {
    for (bool better = true; better;) {
      better = false;
      const StageSets from = best_sets_;
      const MemberSet before = from.empty() ? 0 : from.back();
      for (int64_t m = 0; m < members(); ++m) {
        const MemberSet set = before | bit(m);
        if (set == before || is_last(set)) continue;
        StageSets next = from;
        if (!next.empty()) {
          next.back() = set;
          better |= consider(next);
        }
        if (from.size() == kMostStages) continue;
        next = from;
        next.push_back(set);
        better |= consider(next);
      }
    }
  }

  const Ensemble& ensemble_;
  const std::vector<double>& costs_;
  int threads_;
  const Predictions& val_;
  MemberSet needed_;  ///< members that the whole ensemble has weight for
  StageAnswers whole_;
  CascadeGoal goal_;
  std::map<MemberSet, StageAnswers> known_;
  std::optional<CascadeChoice> best_;
  StageSets best_sets_;
};

}  // namespace

std::vector<int64_t> members_of(MemberSet set) {
  std::vector<int64_t> members;
  for (; set != 0; set &= set - 1) members.push_back(std::countr_zero(set));
  return members;
}

double cost_of(MemberSet set, std::span<const double> costs) {
  double sum = 0;
  for (const int64_t m : members_of(set)) sum += costs[static_cast<size_t>(m)];
  return sum;
}

FittedStage fit_stage(const Ensemble& ensemble, const Predictions& val, double cost, int threads) {
  FittedStage stage;
  Predictions answer = val.count() == 1 ? val : Predictions();
  if (val.count() > 1) {
    const auto combiner = fit_combiner(ensemble.combiner, val, threads);
    stage.fitted = combiner->fitted();
    answer = combine(*combiner, val, kWhere);
  }
  if (ensemble.calibration) {
    const auto calibration = fit_calibration(ensemble.calibration->spec, answer, threads);
    stage.calibration = calibration->fitted();
    answer = combine(*calibration, answer, kWhere);
  }
  const MemberLogits rows = view_of(answer);
  std::vector<double> sure;
  std::vector<uint8_t> right;
  for (int64_t i = 0; i < rows.samples; ++i) {
    const std::span<const float> row = rows.row(0, i);
    sure.push_back(confidence(row));
    right.push_back(highest_of(row) == val.labels[static_cast<size_t>(i)]);
  }
  stage.answers = make_answers(cost, std::move(sure), std::move(right));
  return stage;
}

std::optional<double> budget_of(const std::string& target) {
  if (target == "same") return std::nullopt;
  Settings settings("cascade", {{"share", target}});
  const double share = settings.number("share", 1, 0, 1, "");
  if (share == 0)
    fail_usage(kWhere, "a share of 0 of the cost buys nothing; give 'same', or more than 0 and at most 1");
  return share;
}

CascadeGoal goal_of(const std::string& target, double cost, std::span<const uint8_t> right) {
  if (const auto share = budget_of(target)) return {0, *share * cost * static_cast<double>(right.size()) * kRounding};
  return {std::count(right.begin(), right.end(), 1), std::nullopt};
}

StageSets find_stages(const Ensemble& ensemble, const Predictions& val, const CascadeOptions& options,
                      MemberSet needed) {
  if (val.samples <= kSearchSamples) return StageSearch(ensemble, val, options, needed).run();
  std::vector<int64_t> spread;  // about evenly
  for (int64_t i = 0; i < kSearchSamples; ++i) spread.push_back(i * val.samples / kSearchSamples);
  const Predictions some = val.select(spread);
  return StageSearch(ensemble, some, options, needed).run();
}

}  // namespace retort
