#include <algorithm>
#include <cmath>

#include "report/diversity_report.h"
#include "report/format.h"

namespace retort {

namespace {

std::string measure_cell(double value) { return std::isnan(value) ? kNoCell : fixed(value, 3); }

std::string accuracy_text(const Contribution& c) { return change_text(c.accuracy, points_text); }
std::string nll_text(const Contribution& c) {
  return change_text(c.nll, [](double change) { return signed_fixed(change, 4); });
}

// What the advice says of one contribution, where the member is called `name`.
std::string in_words(const std::string& name, const Contribution& c) {
  return str(name, ", NLL ", nll_text(c), ", accuracy ", accuracy_text(c), " points");
}

std::string advice_to_drop(const EnsembleDiversity& d) {
  const Contribution& least = least_useful(d.contributions);
  const std::string words = in_words(d.members[static_cast<size_t>(least.member)], least);
  if (least.harms()) return "Drop " + words + ": it makes the ensemble worse.";
  if (least.helps()) return "Keep all members; the one that gives least is " + words + ".";
  return "The data do not support that " + words + ", is of use: it may be dropped.";
}

std::string advice_to_add(const EnsembleDiversity& d) {
  if (d.additions.empty()) return "No other networks were given as candidates.";
  const Contribution& most = most_useful(d.additions);
  const std::string words = in_words(d.candidates[static_cast<size_t>(most.member)], most);
  if (most.helps()) return "Add " + words + ".";
  return "Add none of the candidates; the best one is " + words + ".";
}

}  // namespace

std::string pairs_heading(const EnsembleDiversity& d) {
  return printable(str("Members of ", d.ensemble, ", ", d.samples, " ", d.split, " samples. Some member is right on ",
                       percent_text(d.diversity.oracle_accuracy),
                       ". All but the different answers are of being right or wrong."));
}

std::vector<Column> pair_columns(const EnsembleDiversity& d) {
  std::vector<Column> columns = {{"pair", false, {}}, {"different answers", true, {}}, {"just one right", true, {}},
                                 {"Q", true, {}},     {"correlation", true, {}},       {"kappa", true, {}}};
  const auto add = [&](const std::string& name, const PairDiversity& pair) {
    const std::string cells[] = {
        printable(name),      percent_text(pair.different_answers), percent_text(pair.disagreement),
        measure_cell(pair.q), measure_cell(pair.correlation),       measure_cell(pair.kappa)};
    for (size_t i = 0; i < columns.size(); ++i) columns[i].cells.push_back(cells[i]);
  };
  for (const PairDiversity& pair : d.diversity.pairs) {
    add(d.members[static_cast<size_t>(pair.a)] + ", " + d.members[static_cast<size_t>(pair.b)], pair);
  }
  if (d.diversity.pairs.size() > 1) add("mean", d.diversity.mean);
  return columns;
}

std::string contributions_heading(const EnsembleDiversity& d) {
  return printable(str("What each network does to ", d.ensemble, " (", d.combiner, "): with it minus without it, ",
                       d.advice_samples, " val samples."));
}

std::vector<Column> contribution_columns(const EnsembleDiversity& d) {
  std::vector<Column> columns = {
      {"network", false, {}}, {"is", false, {}}, {"NLL [95%]", true, {}}, {"accuracy, points [95%]", true, {}}};
  const auto add = [&](const std::vector<std::string>& names, const char* role, const std::vector<Contribution>& all) {
    for (const Contribution& c : all) {
      columns[0].cells.push_back(printable(names[static_cast<size_t>(c.member)]));
      columns[1].cells.emplace_back(role);
      columns[2].cells.push_back(nll_text(c));
      columns[3].cells.push_back(accuracy_text(c));
    }
  };
  add(d.members, "member", d.contributions);
  add(d.candidates, "candidate", d.additions);
  return columns;
}

std::string advice(const EnsembleDiversity& d) { return printable(advice_to_drop(d) + " " + advice_to_add(d)); }

}  // namespace retort
