/// \file cascade_stages.h
/// Which members a cascade's stages have, and what a stage of so many answers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ensemble/cascade_search.h"
#include "retort/ensemble.h"

namespace retort {

/// Members as bits: what a stage answers depends on which have run, not on their order.
using MemberSet = uint64_t;
/// Of the stages before the last, each a part of the next.
using StageSets = std::vector<MemberSet>;
inline constexpr int64_t kMostMembers = 63;

inline MemberSet bit(int64_t member) { return MemberSet{1} << member; }
std::vector<int64_t> members_of(MemberSet set);
double cost_of(MemberSet set, std::span<const double> costs);
/// What the last stage runs. Members that have no weight there and that no stage runs are not run at all.
inline MemberSet last_set(const StageSets& sets, MemberSet needed) { return needed | (sets.empty() ? 0 : sets.back()); }

struct FittedStage {
  Fitted fitted, calibration;
  StageAnswers answers;
};
/// The ensemble's combiner and calibration, fitted to the members of `val`, of which there may be one.
FittedStage fit_stage(const Ensemble& ensemble, const Predictions& val, double cost, int threads);

/// The share of the whole cost that a target allows, or nothing for "same". Throws a usage error.
std::optional<double> budget_of(const std::string& target);
/// What a target means where the whole ensemble costs so much a sample and is right on these.
CascadeGoal goal_of(const std::string& target, double cost, std::span<const uint8_t> right);

/// The stages with which the target is met best, on a part of val.
StageSets find_stages(const Ensemble& ensemble, const Predictions& val, const CascadeOptions& options,
                      MemberSet needed);

}  // namespace retort
