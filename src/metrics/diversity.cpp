#include <algorithm>
#include <cmath>
#include <limits>

#include "retort/metrics.h"

namespace retort {

namespace {

constexpr std::string_view kWhere = "diversity";

// What one member answers, and whether that is right.
struct Answers {
  std::vector<int64_t> classes;
  std::vector<uint8_t> right;
};

// Samples by which of two members is right.
struct Verdicts {
  double both = 0, only_a = 0, only_b = 0, neither = 0;
};

// NaN where there is nothing to divide by.
double ratio(double part, double whole) { return whole == 0 ? std::numeric_limits<double>::quiet_NaN() : part / whole; }

Answers answers_of(const Predictions& p, int64_t member) {
  Answers out{predicted(p.member(member), p.labels, p.classes), {}};
  for (size_t i = 0; i < out.classes.size(); ++i) out.right.push_back(out.classes[i] == p.labels[i]);
  return out;
}

Verdicts count(const Answers& a, const Answers& b) {
  Verdicts n;
  for (size_t i = 0; i < a.right.size(); ++i) {
    double& which = a.right[i] ? (b.right[i] ? n.both : n.only_a) : (b.right[i] ? n.only_b : n.neither);
    ++which;
  }
  return n;
}

// Kuncheva and Whitaker 2003, section 2.1, from the table of both, one and neither being right.
PairDiversity compare_pair(const Answers& a, const Answers& b) {
  const auto samples = static_cast<double>(a.right.size());
  double different = 0;
  for (size_t i = 0; i < a.classes.size(); ++i) different += a.classes[i] != b.classes[i];
  const Verdicts n = count(a, b);
  const double alike = n.both * n.neither, unlike = n.only_a * n.only_b;
  const double right_a = n.both + n.only_a, right_b = n.both + n.only_b;
  const double wrong_a = samples - right_a, wrong_b = samples - right_b;
  PairDiversity out{.different_answers = different / samples, .disagreement = (n.only_a + n.only_b) / samples};
  out.q = ratio(alike - unlike, alike + unlike);
  out.correlation = ratio(alike - unlike, std::sqrt(right_a * wrong_a * right_b * wrong_b));
  out.kappa = ratio(2 * (alike - unlike), right_a * wrong_b + wrong_a * right_b);
  return out;
}

// The mean of a measure over the pairs in which it is defined.
double mean_of(const std::vector<PairDiversity>& pairs, double PairDiversity::*measure) {
  double sum = 0, defined = 0;
  for (const PairDiversity& pair : pairs) {
    if (std::isnan(pair.*measure)) continue;
    sum += pair.*measure;
    ++defined;
  }
  return ratio(sum, defined);
}

double oracle(const std::vector<Answers>& members) {
  const size_t samples = members.front().right.size();
  double right = 0;
  for (size_t i = 0; i < samples; ++i) {
    right += std::any_of(members.begin(), members.end(), [i](const Answers& a) { return a.right[i] != 0; });
  }
  return right / static_cast<double>(samples);
}

void check_members(const Predictions& members, int64_t at_least) {
  members.check();
  if (members.count() < at_least) {
    fail(kWhere, members.count(), " member(s); expected at least ", at_least, " on the same samples");
  }
  if (members.labels.empty()) fail(kWhere, "the predictions have no labels; right and wrong are told by them");
}

// What an ensemble answers, as far as changes of it need it.
struct Outcome {
  std::vector<uint8_t> right;
  std::vector<double> nll;
};

Outcome outcome_of(const Predictions& members, const CombineMembers& combine) {
  const Predictions p = combine(members);
  return {correct(p.member(0), members.labels, members.classes), nll(p.member(0), members.labels, members.classes)};
}

Contribution contribution(int64_t member, const Outcome& without, const Outcome& with, uint64_t seed) {
  return {member, mean_change(without.nll, with.nll, seed), accuracy_change(without.right, with.right, seed)};
}

bool lower_nll(const Contribution& a, const Contribution& b) { return a.nll.value < b.nll.value; }

Predictions all_but(const Predictions& members, int64_t left_out) {
  std::vector<Predictions> rest;
  for (int64_t m = 0; m < members.count(); ++m) {
    if (m != left_out) rest.push_back(members.only(m));
  }
  return align(rest);
}

}  // namespace

Diversity diversity(const Predictions& members) {
  check_members(members, 2);
  std::vector<Answers> answers;
  for (int64_t m = 0; m < members.count(); ++m) answers.push_back(answers_of(members, m));
  Diversity out;
  for (size_t a = 0; a < answers.size(); ++a) {
    for (size_t b = a + 1; b < answers.size(); ++b) {
      out.pairs.push_back(compare_pair(answers[a], answers[b]));
      out.pairs.back().a = static_cast<int64_t>(a);
      out.pairs.back().b = static_cast<int64_t>(b);
    }
  }
  for (const auto measure : {&PairDiversity::different_answers, &PairDiversity::disagreement, &PairDiversity::q,
                             &PairDiversity::correlation, &PairDiversity::kappa}) {
    out.mean.*measure = mean_of(out.pairs, measure);
  }
  out.oracle_accuracy = oracle(answers);
  return out;
}

std::vector<Contribution> leave_one_out(const Predictions& members, const CombineMembers& combine, uint64_t seed) {
  check_members(members, 2);
  const Outcome all = outcome_of(members, combine);
  std::vector<Contribution> out;
  for (int64_t m = 0; m < members.count(); ++m) {
    out.push_back(contribution(m, outcome_of(all_but(members, m), combine), all, seed));
  }
  return out;
}

std::vector<Contribution> add_one(const Predictions& members, const Predictions& candidates,
                                  const CombineMembers& combine, uint64_t seed) {
  check_members(members, 1);
  const Outcome before = outcome_of(members, combine);
  std::vector<Contribution> out;
  for (int64_t c = 0; c < candidates.count(); ++c) {
    const Predictions both[] = {members, candidates.only(c)};
    out.push_back(contribution(c, before, outcome_of(align(both), combine), seed));
  }
  return out;
}

const Contribution& least_useful(std::span<const Contribution> contributions) {
  if (contributions.empty()) fail(kWhere, "no contributions to choose from");
  return *std::max_element(contributions.begin(), contributions.end(), lower_nll);
}

const Contribution& most_useful(std::span<const Contribution> contributions) {
  if (contributions.empty()) fail(kWhere, "no contributions to choose from");
  return *std::min_element(contributions.begin(), contributions.end(), lower_nll);
}

}  // namespace retort
