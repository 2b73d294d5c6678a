#include "report/diversity_json.h"

#include <cmath>

#include "metrics/metrics_json.h"

namespace retort {

namespace {

// Undefined measures are null.
Json pair_json(const PairDiversity& pair) {
  return {{"different_answers", pair.different_answers},
          {"disagreement", pair.disagreement},
          {"q", pair.q},
          {"correlation", pair.correlation},
          {"kappa", pair.kappa}};
}

Json pairs_json(const EnsembleDiversity& d) {
  Json pairs = Json::array();
  for (const PairDiversity& pair : d.diversity.pairs) {
    Json json = {{"a", d.members[static_cast<size_t>(pair.a)]}, {"b", d.members[static_cast<size_t>(pair.b)]}};
    json.update(pair_json(pair));
    pairs.push_back(json);
  }
  return pairs;
}

Json contributions_json(const std::vector<std::string>& names, const std::vector<Contribution>& contributions) {
  Json out = Json::array();
  for (const Contribution& c : contributions) {
    out.push_back({{"network", names[static_cast<size_t>(c.member)]},
                   {"nll_change", c.nll.value},
                   {"nll_change_interval", interval_json(c.nll.interval)},
                   {"accuracy_change", c.accuracy.value},
                   {"accuracy_change_interval", interval_json(c.accuracy.interval)},
                   {"helps", c.helps()},
                   {"harms", c.harms()}});
  }
  return out;
}

}  // namespace

Json diversity_json(const EnsembleDiversity& d) {
  Json json = {{"ensemble", d.ensemble},
               {"combiner", d.combiner},
               {"members", d.members},
               {"split", d.split},
               {"samples", d.samples},
               {"oracle_accuracy", d.diversity.oracle_accuracy},
               {"pairs", pairs_json(d)},
               {"mean", pair_json(d.diversity.mean)},
               {"val_samples", d.advice_samples},
               {"contributions", contributions_json(d.members, d.contributions)},
               {"candidates", contributions_json(d.candidates, d.additions)},
               {"drop", nullptr},
               {"add", nullptr}};
  // Only what val supports is advised: to drop what does not help, to add what does.
  if (const Contribution& least = least_useful(d.contributions); !least.helps()) {
    json["drop"] = d.members[static_cast<size_t>(least.member)];
  }
  if (!d.additions.empty() && most_useful(d.additions).helps()) {
    json["add"] = d.candidates[static_cast<size_t>(most_useful(d.additions).member)];
  }
  return json;
}

}  // namespace retort
