/// \file metrics.h
/// How good predictions are, how sure one can be of it, and how alike members err. Logits are [N, C] row-major, labels
/// [N]. All are pure functions; docs/statistics.md tells how each number is computed. Where nothing else is said, bad
/// input (nothing, sizes that disagree, labels out of range, logits that are not finite) throws Error.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retort/predictions.h"

namespace retort {

struct Interval {
  double low = 0, high = 0;
};

/// Quality of one set of logits. Intervals are 95%, bootstrap over samples, all from the same resamples.
struct Metrics {
  int64_t samples = 0;
  double accuracy = 0;  ///< share of samples whose highest logit is the label's (lowest index on ties)
  Interval accuracy_interval;
  double top5_accuracy = 0;  ///< share whose label is among the five highest; 1 with five classes or fewer
  double nll = 0;            ///< mean of -log p(label), natural logarithm
  Interval nll_interval;
  double brier = 0;  ///< mean of sum_c (p_c - y_c)^2 (Brier 1950)
  Interval brier_interval;
  double ece = 0;  ///< expected calibration error, 15 equal-width bins (Guo et al. 2017, eq. 3)
};
Metrics evaluate(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes, uint64_t seed = 0);
/// Of one member of `predictions`.
Metrics evaluate(const Predictions& predictions, int64_t member = 0);

/// The class of each sample's highest logit, the lowest one on ties, [N].
std::vector<int64_t> predicted(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes);
/// 1 where the prediction is right, else 0, [N].
std::vector<uint8_t> correct(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes);
/// -log p(label) of each sample, [N].
std::vector<double> nll(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes);

/// How often samples of one class were taken for another: counts [C, C], rows are labels, columns predictions.
struct Confusion {
  int64_t classes = 0;
  std::vector<int64_t> counts;
  int64_t at(int64_t label, int64_t predicted) const {
    return counts[static_cast<size_t>(label * classes + predicted)];
  }
};
Confusion confusion(std::span<const float> logits, std::span<const int64_t> labels, int64_t classes);

/// One class of a confusion. A share of nothing is NaN.
struct ClassMetrics {
  int64_t samples = 0, predicted = 0;  ///< of this label; taken for it
  double recall = 0;                   ///< share of its samples that are right: the accuracy on this class
  double precision = 0;                ///< share of what was taken for it that is right
  double accuracy = 0;                 ///< share of all samples that are rightly of it or rightly not
};
std::vector<ClassMetrics> per_class(const Confusion& confusion);

/// A 95% percentile bootstrap interval of the mean of `values` over samples.
Interval bootstrap_mean(std::span<const double> values, uint64_t seed = 0, int resamples = 2000);

/// A difference of means, b - a, on the same samples, with a paired 95% bootstrap interval.
struct Change {
  double value = 0;
  Interval interval;
  /// Whether the interval leaves 0 out.
  bool excludes_zero() const { return interval.low > 0 || interval.high < 0; }
};
Change mean_change(std::span<const double> a, std::span<const double> b, uint64_t seed = 0);
Change accuracy_change(std::span<const uint8_t> correct_a, std::span<const uint8_t> correct_b, uint64_t seed = 0);

/// Difference of mean accuracy, b - a, between two groups of runs that differ in their seed only, all on the same
/// samples: [run][sample] as correct() gives them. Its 95% interval counts both which samples were drawn and which
/// seeds (bootstrap over samples, alike for all runs, and over the runs of each group); from a group of one run nothing
/// is learnt about seeds. Throws Error on empty groups and on runs of different lengths.
Change seeds_change(std::span<const std::vector<uint8_t>> a, std::span<const std::vector<uint8_t>> b,
                    uint64_t seed = 0);

/// Share of the teacher's gain over a student from scratch that distilling gave: (student - scratch) / (teacher -
/// scratch), of mean accuracies, with an interval over samples and seeds as that of seeds_change(). Where the teacher
/// is no better than the student from scratch in some resamples, a share means nothing there, and there is none.
std::optional<Change> gain_kept(std::span<const std::vector<uint8_t>> scratch,
                                std::span<const std::vector<uint8_t>> student, const std::vector<uint8_t>& teacher,
                                uint64_t seed = 0);

/// How far a student says what its teacher says, labels aside. Logits are [N, C].
struct Likeness {
  std::vector<double> same;  ///< [N] 1 where both predict the same class
  std::vector<double> kl;    ///< [N] KL(teacher || student) of probabilities at temperature 1, natural logarithm
};
Likeness likeness(std::span<const float> teacher, std::span<const float> student, int64_t classes);

/// McNemar's test (1947) of two models on the same samples: is either right more often where just one of them is?
struct McNemar {
  int64_t only_a = 0, only_b = 0;  ///< samples that a alone, that b alone gets right
  double p = 1;                    ///< two-sided
  bool exact = true;  ///< binomial, below 25 such samples; else chi-square with continuity correction (Edwards 1948)
};
McNemar mcnemar(std::span<const uint8_t> correct_a, std::span<const uint8_t> correct_b);

/// p-values corrected for being several (Holm 1979), in the order given: rejecting those up to 0.05 errs in any of them
/// with a probability of at most 5%. Throws Error where one is not in [0, 1].
std::vector<double> holm(std::span<const double> p);

/// Mean and sample standard deviation (n - 1); sd is 0 for one value.
struct MeanSd {
  double mean = 0, sd = 0;
};
MeanSd mean_sd(std::span<const double> values);

/// How alike two members err. All but `different_answers` are of their being right or wrong, as in Kuncheva and
/// Whitaker 2003 ("Measures of diversity in classifier ensembles", section 2.1). NaN where undefined, such as two
/// members that are always right.
struct PairDiversity {
  int64_t a = 0, b = 0;          ///< members, a < b
  double different_answers = 0;  ///< share of samples for which they predict different classes
  double disagreement = 0;       ///< share on which just one of them is right
  double q = 0;                  ///< Yule's Q: 0 of independent members, below 0 where they err on different samples
  double correlation = 0;        ///< of their errors (phi)
  double kappa = 0;              ///< Cohen's, of right and wrong: agreement beyond chance
};
struct Diversity {
  std::vector<PairDiversity> pairs;
  PairDiversity mean;          ///< over the pairs in which a measure is defined
  double oracle_accuracy = 0;  ///< share of samples that at least one member gets right
};
/// Of two members or more.
Diversity diversity(const Predictions& members);

/// Makes one set of logits of some members': a combiner that is fitted anew for each choice of them, or that needs
/// none.
using CombineMembers = std::function<Predictions(const Predictions& members)>;

/// What one member does to an ensemble: with it minus without it, on the same samples.
struct Contribution {
  int64_t member = 0;
  Change nll, accuracy;  ///< an NLL change below 0 is a gain
  /// By NLL, where the interval leaves 0 out.
  bool helps() const { return nll.interval.high < 0; }
  bool harms() const { return nll.interval.low > 0; }
};
/// Of each of two members or more, the others staying.
std::vector<Contribution> leave_one_out(const Predictions& members, const CombineMembers& combine, uint64_t seed = 0);
/// Of each candidate, added to all members alone; `member` counts candidates. Both on the same samples (see align()).
std::vector<Contribution> add_one(const Predictions& members, const Predictions& candidates,
                                  const CombineMembers& combine, uint64_t seed = 0);
/// The contributions with the highest and the lowest NLL change: the member to drop if it harms or does nothing, the
/// candidate to add if it helps. Throw Error where there are none.
const Contribution& least_useful(std::span<const Contribution> contributions);
const Contribution& most_useful(std::span<const Contribution> contributions);

}  // namespace retort
