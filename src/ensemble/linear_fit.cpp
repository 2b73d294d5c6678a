#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "ensemble/linear.h"

namespace retort {

namespace {

constexpr int64_t kMatrix = 100'000;         // numbers in the largest matrix that is fitted
constexpr int64_t kFitWork = 1'000'000'000;  // work of one pass over the samples: of the fit,
constexpr int64_t kSearchWork = 50'000'000;  // and of one in the search for the L2 term

// A fixed choice of as many samples as may cost `work`, but at least 2000: those with the lowest hash of their id.
std::vector<int64_t> some_samples(const Predictions& val, const LinearLayout& layout, int64_t work) {
  const int64_t cost = static_cast<int64_t>(layout.weights()) * (layout.cross ? 1 : 4);  // a matrix is read faster
  const int64_t affordable = std::max<int64_t>(2000, work / cost);
  std::vector<int64_t> samples(static_cast<size_t>(val.samples));
  std::iota(samples.begin(), samples.end(), 0);
  if (val.samples <= affordable) return samples;
  const auto hash = [&](int64_t i) { return stream(0, Purpose::subset, val.ids[static_cast<size_t>(i)]).next(); };
  std::sort(samples.begin(), samples.end(), [&](int64_t a, int64_t b) { return hash(a) < hash(b); });
  samples.resize(static_cast<size_t>(affordable));
  std::sort(samples.begin(), samples.end());
  return samples;
}

struct Fold {
  std::vector<int64_t> in, out;  ///< samples fitted on; held out
  std::vector<double> theta;
};

// Which fold holds a sample out is a function of its id alone.
std::vector<Fold> make_folds(const Predictions& val, std::span<const int64_t> samples, int64_t count,
                             const std::vector<double>& start) {
  std::vector<Fold> folds(static_cast<size_t>(count));
  for (Fold& fold : folds) fold.theta = start;
  for (const int64_t i : samples) {
    const auto own = stream(0, Purpose::split, val.ids[static_cast<size_t>(i)]).below(static_cast<uint64_t>(count));
    for (size_t k = 0; k < folds.size(); ++k) (k == own ? folds[k].out : folds[k].in).push_back(i);
  }
  std::erase_if(folds, [](const Fold& fold) { return fold.out.empty() || fold.in.empty(); });
  return folds;
}

LinearLayout layout_for(const LinearForm& form, int64_t members, int64_t classes) {
  const bool fits = members * classes * classes <= kMatrix;
  if (form.cross && !fits && !form.fallback) {
    fail_usage(form.name, classes, " classes; a matrix of up to ", kMatrix, " numbers is fitted; use vector_scaling");
  }
  return {members, classes, form.cross && fits};
}

// In a matrix, what a class has to do with itself is held less than what it has to do with others: the thought behind
// ODIR (Kull et al. 2019), which does not hold it at all and so may diverge.
std::vector<double> penalty(const LinearLayout& layout, double l2) {
  constexpr double kOwn = 0.01;
  std::vector<double> out(layout.size(), layout.cross ? kOwn * l2 : l2);
  if (layout.cross) {
    std::fill_n(out.begin(), layout.weights(), l2);
    for (size_t f = 0; f < layout.features(); ++f) out[layout.own(f)] = kOwn * l2;
  }
  return out;
}

std::vector<double> centres_of(const Predictions& val, std::span<const double> log_sums) {
  std::vector<double> centres;
  const auto samples = static_cast<size_t>(val.samples);
  for (size_t m = 0; m < val.members.size(); ++m) {
    double sum = 0;
    for (const float z : val.member(static_cast<int64_t>(m))) sum += z;
    sum /= static_cast<double>(val.classes);
    for (const double log_sum : log_sums.subspan(m * samples, samples)) sum -= log_sum;
    centres.push_back(std::max(sum / static_cast<double>(samples), kLowestLogProbability));
  }
  return centres;
}

// The L2 term of the lowest out-of-fold NLL. From strong to weak, each fold going on from where it was; the first rise
// ends the search.
double choose_l2(const LinearForm& form, LinearProblem problem, int64_t count) {
  const LinearLayout& layout = problem.start.layout;
  std::vector<Fold> folds =
      make_folds(problem.val, some_samples(problem.val, layout, kSearchWork), count, problem.start.theta);
  if (folds.size() < 2) {
    fail(form.name, problem.val.samples, " samples are too few for cross-validation; give more of val or a fixed l2");
  }
  double best = 0, lowest = std::numeric_limits<double>::infinity();
  for (const double l2 : {1e5, 1e4, 1e3, 1e2, 1e1, 1e0, 1e-1}) {
    problem.l2 = penalty(layout, l2);
    double total = 0;
    for (Fold& fold : folds) {
      fold.theta = problem.minimise(fold.in, std::move(fold.theta), 1e-3);
      total += problem.nll(fold.out, fold.theta) * static_cast<double>(fold.out.size());
    }
    if (!(total < lowest)) break;
    best = l2, lowest = total;
  }
  return best;
}

// From log-probabilities less their centres to log-probabilities.
void move_centres_to_bias(LinearHead& head, std::span<const double> centres) {
  const auto classes = static_cast<size_t>(head.layout.classes);
  double* bias = head.theta.data() + head.layout.weights();
  for (size_t f = 0; f < head.layout.features(); ++f) {
    const double centre = centres[f / classes];
    if (!head.layout.cross) {
      bias[f % classes] -= head.theta[f] * centre;
      continue;
    }
    for (size_t c = 0; c < classes; ++c) bias[c] -= head.theta[f * classes + c] * centre;
  }
}

}  // namespace

LinearHead mean_head(const LinearLayout& layout) {
  LinearHead head{layout, std::vector<double>(layout.size())};
  for (size_t f = 0; f < layout.features(); ++f) head.theta[layout.own(f)] = 1 / static_cast<double>(layout.members);
  return head;
}

LinearHead fit_linear(const LinearForm& form, double l2, int64_t folds, const Predictions& val, int threads) {
  LinearHead head = mean_head(layout_for(form, val.count(), val.classes));
  LinearProblem problem{val, log_sums(view_of(val), threads), {}, head, form.bias, {}, threads};
  problem.centres = centres_of(val, problem.log_sums);
  problem.l2 = penalty(head.layout, l2 > 0 ? l2 : choose_l2(form, problem, folds));
  head.theta = problem.minimise(some_samples(val, head.layout, kFitWork), problem.start.theta, 1e-8);
  move_centres_to_bias(head, problem.centres);
  return head;
}

}  // namespace retort
