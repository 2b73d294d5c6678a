#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

// The likelihoods of all of val, with a flat prior; in log space, as they are far below the smallest double.
std::vector<double> fit_weights(const Predictions& val, int threads) {
  const MemberLogits in = view_of(val);
  const std::vector<double> sums = log_sums(in, threads);
  std::vector<double> log_likelihoods;
  for (int64_t m = 0; m < in.members; ++m) {
    double sum = 0;
    for (int64_t i = 0; i < in.samples; ++i) {
      const auto label = static_cast<size_t>(val.labels[static_cast<size_t>(i)]);
      sum += in.row(m, i)[label] - sums[static_cast<size_t>(m * in.samples + i)];
    }
    log_likelihoods.push_back(sum);
  }
  return softmax<double>(log_likelihoods);
}

}  // namespace

std::unique_ptr<Combiner> make_bma(Settings&) { return make_mixture({"bma", mix_probabilities, fit_weights}); }

}  // namespace retort
