#include "report/diversity_report.h"

#include <algorithm>
#include <set>

namespace retort {

namespace {

constexpr const char* kAdviceSplit = "val";  // never test: dropping and adding are choices

// Every second sample, from `first` on.
Predictions half_of(const Predictions& p, int64_t first) {
  std::vector<int64_t> positions;
  for (int64_t i = first; i < p.samples; i += 2) positions.push_back(i);
  return p.select(positions);
}

// Combined by a combiner that was fitted on the other half, so that no member gains by having been fitted on what it is
// judged by.
Predictions cross_fitted(const std::string& combiner, const Predictions& members) {
  if (members.count() == 1) return members;
  Predictions out = members.only(0);
  for (const int64_t first : {0, 1}) {
    const auto fitted = fit_combiner(combiner, half_of(members, 1 - first));
    const Predictions part = combine(*fitted, half_of(members, first), combiner);
    for (int64_t i = 0; i < part.samples; ++i) {
      std::copy_n(part.logits.begin() + i * part.classes, part.classes,
                  out.logits.begin() + (first + 2 * i) * part.classes);
    }
  }
  return out;
}

bool are_unique(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

bool has_member(const Model& ensemble, const std::string& hash) {
  for (int64_t m = 0; m < ensemble.members(); ++m) {
    if (ensemble.member(m).hash == hash) return true;
  }
  return false;
}

}  // namespace

std::optional<EnsembleDiversity> describe_ensemble(Evaluator& evaluator, const std::string& path,
                                                   const std::vector<std::string>& others, const std::string& split) {
  Model ensemble = evaluator.open(path);
  const std::string combiner = load_ensemble(path).combiner;
  const auto shown = evaluator.members(ensemble, split), val = evaluator.members(ensemble, kAdviceSplit);
  if (!shown || !val) return std::nullopt;
  EnsembleDiversity out{.ensemble = ensemble.name(), .combiner = combiner, .split = split, .samples = shown->samples};
  out.diversity = diversity(*shown);
  const auto combine_some = [&](const Predictions& some) { return cross_fitted(combiner, some); };
  out.advice_samples = val->samples;
  out.contributions = leave_one_out(*val, combine_some);
  std::vector<std::string> names = shown->members, paths;
  for (int64_t m = 0; m < ensemble.members(); ++m) paths.push_back(ensemble.member(m).path);
  for (const std::string& other : others) {
    Model candidate = evaluator.open(other);
    if (candidate.is_ensemble() || has_member(ensemble, candidate.member(0).hash)) continue;
    const auto p = evaluator.members(candidate, kAdviceSplit);
    if (!p) return std::nullopt;
    out.additions.push_back(add_one(*val, *p, combine_some).at(0));
    out.additions.back().member = std::ssize(out.additions) - 1;
    names.push_back(candidate.name());
    paths.push_back(other);
  }
  const std::vector<std::string>& called = are_unique(names) ? names : paths;
  out.members.assign(called.begin(), called.begin() + ensemble.members());
  out.candidates.assign(called.begin() + ensemble.members(), called.end());
  return out;
}

}  // namespace retort
