#include <algorithm>
#include <bit>
#include <cmath>

#include "base/machine.h"
#include "ensemble/cascade_stages.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr const char* kWhere = "cascade";

MemberSet members_of_weight(const Ensemble& ensemble) {
  const std::vector<double> weights = ensemble.weights();
  MemberSet set = 0;
  for (int64_t m = 0; m < std::ssize(ensemble.members); ++m) {
    if (weights.empty() || weights.at(static_cast<size_t>(m)) > 0) set |= bit(m);
  }
  return set;
}

void check_input(const Ensemble& ensemble, const Predictions& val, const CascadeOptions& o) {
  const auto members = std::ssize(ensemble.members);
  if (members < 2 || members > kMostMembers) {
    fail_usage(kWhere, members, " members; a cascade has at least 2 and at most ", kMostMembers);
  }
  check_count(kWhere, "members in the predictions", val.count(), members);
  check_count(kWhere, "costs", std::ssize(o.costs), members);
  for (const double cost : o.costs) {
    if (!(cost > 0) || !std::isfinite(cost)) fail_usage(kWhere, "a cost of ", cost, "; expected more than 0");
  }
  const auto budget = budget_of(o.target);
  const double whole = cost_of(members_of_weight(ensemble), o.costs);
  const double cheapest = *std::min_element(o.costs.begin(), o.costs.end()) / whole;
  if (budget && *budget < cheapest) {
    fail_usage(kWhere, "a budget of ", *budget, " of the ensemble's cost; its cheapest member alone costs ",
               std::ceil(1e4 * cheapest) / 1e4, "; give at least that");
  }
}

// Members by the stage that runs them first, then by cost.
std::vector<int64_t> order_of(StageSets sets, MemberSet needed, std::span<const double> costs) {
  sets.push_back(last_set(sets, needed));
  std::vector<int64_t> order;
  MemberSet before = 0;
  for (const MemberSet set : sets) {
    std::vector<int64_t> added = members_of(set & ~before);
    std::stable_sort(added.begin(), added.end(), [&](int64_t a, int64_t b) {
      return costs[static_cast<size_t>(a)] < costs[static_cast<size_t>(b)];
    });
    order.insert(order.end(), added.begin(), added.end());
    before = set;
  }
  return order;
}

// A cascade with its members in order.
struct InOrder {
  std::vector<int64_t> order;
  std::vector<FittedStage> stages;  ///< the last one too
  CascadeChoice choice;
};

InOrder fit_in_order(const Ensemble& ensemble, const StageSets& sets, MemberSet needed, const Predictions& val,
                     const CascadeOptions& options) {
  InOrder fit{order_of(sets, needed, options.costs), {}, {}};
  for (size_t k = 0; k <= sets.size(); ++k) {
    const MemberSet set = k < sets.size() ? sets[k] : last_set(sets, needed);
    const auto first = std::span(fit.order).first(static_cast<size_t>(std::popcount(set)));
    const Predictions part = val.only(first);
    fit.stages.push_back(fit_stage(ensemble, part, cost_of(set, options.costs), options.threads));
  }
  std::vector<const StageAnswers*> answers;
  for (const FittedStage& stage : fit.stages) answers.push_back(&stage.answers);
  const double cost = cost_of(needed, options.costs);
  fit.choice = choose_thresholds(answers, goal_of(options.target, cost, answers.back()->right)).value();
  return fit;
}

// The ensemble as a cascade without stages.
Ensemble in_one_go(Ensemble ensemble, MemberSet needed, const CascadeOptions& options) {
  Cascade cascade{.target = options.target, .cost = options.cost, .val_accuracy = ensemble.val_accuracy};
  for (const int64_t m : members_of(needed)) cascade.costs.push_back(options.costs[static_cast<size_t>(m)]);
  cascade.val_cost = cost_of(needed, options.costs);
  ensemble.drop_idle_members();
  ensemble.cascade = std::move(cascade);
  return ensemble;
}

Ensemble in_stages(Ensemble ensemble, const InOrder& fit, const StageSets& sets, const Predictions& val,
                   const CascadeOptions& options) {
  const auto samples = static_cast<double>(val.samples);
  Cascade cascade{.target = options.target,
                  .cost = options.cost,
                  .val_accuracy = static_cast<double>(fit.choice.right) / samples,
                  .val_cost = fit.choice.cost / samples};
  for (size_t k = 0; k < sets.size(); ++k) {
    const FittedStage& stage = fit.stages[k];
    cascade.stages.push_back({std::popcount(sets[k]), stage.fitted, stage.calibration, fit.choice.thresholds[k]});
  }
  const std::vector<Ensemble::Member> members = std::move(ensemble.members);
  ensemble.members.clear();
  for (const int64_t m : fit.order) {
    ensemble.members.push_back(members[static_cast<size_t>(m)]);
    cascade.costs.push_back(options.costs[static_cast<size_t>(m)]);
  }
  ensemble.fitted = fit.stages.back().fitted;
  if (ensemble.calibration) ensemble.calibration->fitted = fit.stages.back().calibration;
  ensemble.cascade = std::move(cascade);
  const std::vector<double> shares = shares_run(*ensemble.make(), val.only(fit.order));
  for (Cascade::Stage& stage : ensemble.cascade->stages) {
    const auto next = static_cast<size_t>(stage.members);  // the first member that this stage lacks
    stage.settled = shares[next - 1] - shares[next];
  }
  return ensemble;
}

}  // namespace

void check_cascade_target(const std::string& target) { budget_of(target); }

Ensemble fit_cascade(Ensemble ensemble, const Predictions& val, const CascadeOptions& given) {
  check_input(ensemble, val, given);
  CascadeOptions options = given;
  options.threads = resolve_threads(options.threads);
  const MemberSet needed = members_of_weight(ensemble);
  StageSets sets = find_stages(ensemble, val, options, needed);
  while (!sets.empty()) {
    const InOrder fit = fit_in_order(ensemble, sets, needed, val, options);
    const auto& thresholds = fit.choice.thresholds;
    const auto idle = std::find(thresholds.begin(), thresholds.end(), kNever);
    if (idle == thresholds.end()) return in_stages(std::move(ensemble), fit, sets, val, options);
    sets.erase(sets.begin() + (idle - thresholds.begin()));
  }
  return in_one_go(std::move(ensemble), needed, options);
}

}  // namespace retort
