#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/machine.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr double kLowest = 1e-15;  // a probability below counts as this in the NLL

// Ensemble selection with replacement (Caruana et al. 2004), by the rules of AutoGluon's EnsembleSelection.
class Selection {
 public:
  Selection(const Predictions& val, bool by_nll, int threads)
      : val_(val),
        in_(view_of(val)),
        by_nll_(by_nll),
        threads_(threads),
        counts_(members()),
        p_(val.logits.size()),
        sum_(static_cast<size_t>(val.samples * val.classes)) {
    const std::vector<double> sums = log_sums(in_, threads);
    parallel_for(threads, in_.members * in_.samples, [&](int64_t r) {
      const double log_sum = sums[static_cast<size_t>(r)];
      for (int64_t k = r * in_.classes; k < (r + 1) * in_.classes; ++k) {
        p_[static_cast<size_t>(k)] = static_cast<float>(std::exp(in_.data[k] - log_sum));
      }
    });
  }

  std::vector<double> weights(int64_t rounds) {
    std::vector<size_t> order;
    std::vector<double> errors;
    bool round_scores = false;
    for (int64_t r = 0; r < rounds; ++r) {
      const Scores scores = score(static_cast<double>(r));
      const size_t best = choose(scores, round_scores);
      order.push_back(best);
      // Rounding keeps equal members equal; a first error near 0 would lose all its digits.
      if (r == 0) round_scores = scores.error[best] > 1e-4;
      errors.push_back(rounded(scores.error[best], round_scores));
      add(best);
    }
    // Only as many rounds as gave the lowest error for the first time.
    order.resize(static_cast<size_t>(std::min_element(errors.begin(), errors.end()) - errors.begin()) + 1);
    std::vector<double> w(members());
    for (const size_t m : order) ++w[m];
    for (double& share : w) share /= static_cast<double>(order.size());
    return w;
  }

 private:
  struct Scores {
    std::vector<double> error, nll;  ///< of the selection with one member more, for each member
  };

  size_t members() const { return static_cast<size_t>(val_.count()); }
  size_t at(int64_t sample) const { return static_cast<size_t>(sample * in_.classes); }
  std::span<const float> p(size_t m, int64_t sample) const {
    return std::span(p_).subspan(m * sum_.size() + at(sample), static_cast<size_t>(in_.classes));
  }

  // Whether the label has the highest sum, the lowest class on ties.
  static bool right(std::span<const float> a, std::span<const float> b, size_t label) {
    const float own = a[label] + b[label];
    int beaten = 0;
    for (size_t c = 0; c < label; ++c) beaten |= a[c] + b[c] >= own;
    for (size_t c = label + 1; c < a.size(); ++c) beaten |= a[c] + b[c] > own;
    return beaten == 0;
  }

  Scores score(double selected) const {
    const std::vector<double> sums =
        sum_blocks(threads_, in_.samples, 2 * members(), [&](int64_t begin, int64_t end, std::span<double> part) {
          for (int64_t i = begin; i < end; ++i) {
            const auto label = static_cast<size_t>(val_.labels[static_cast<size_t>(i)]);
            const std::span<const float> sum = std::span(sum_).subspan(at(i), static_cast<size_t>(in_.classes));
            for (size_t m = 0; m < members(); ++m) {
              const std::span<const float> own = p(m, i);
              if (!by_nll_) part[m] += right(sum, own, label) ? 0 : 1;
              part[members() + m] -= std::log(std::max(kLowest, (sum[label] + own[label]) / (selected + 1)));
            }
          }
        });
    const auto mean = [&](size_t m) { return sums[m] / static_cast<double>(in_.samples); };
    Scores scores;
    for (size_t m = 0; m < members(); ++m) {
      scores.nll.push_back(mean(members() + m));
      scores.error.push_back(by_nll_ ? scores.nll.back() : mean(m));
    }
    return scores;
  }

  static double rounded(double value, bool round) { return round ? std::round(value * 1e6) / 1e6 : value; }

  // Lowest error; of equals one that is selected already, then the lowest NLL, then the first.
  size_t choose(const Scores& scores, bool round_scores) const {
    const auto key = [&](size_t m) {
      return std::tuple(rounded(scores.error[m], round_scores), counts_[m] == 0, scores.nll[m]);
    };
    size_t best = 0;
    for (size_t m = 1; m < members(); ++m) {
      if (key(m) < key(best)) best = m;
    }
    return best;
  }

  void add(size_t m) {
    ++counts_[m];
    const float* own = p_.data() + m * sum_.size();
    for (size_t k = 0; k < sum_.size(); ++k) sum_[k] += own[k];
  }

  const Predictions& val_;
  MemberLogits in_;
  bool by_nll_;
  int threads_;
  std::vector<int64_t> counts_;
  std::vector<float> p_, sum_;  ///< the members' probabilities; their sum over the selection
};

}  // namespace

std::unique_ptr<Combiner> make_greedy(Settings& settings) {
  const bool by_nll = settings.choice("metric", {"accuracy", "nll"}, "what a round improves on val") == "nll";
  const int64_t rounds = settings.integer("rounds", 25, 1, 1000, "members selected, counting repetitions");
  return make_mixture({"greedy", mix_probabilities, [by_nll, rounds](const Predictions& val, int threads) {
                         return Selection(val, by_nll, threads).weights(rounds);
                       }});
}

}  // namespace retort
