#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

// The combined logits are log p, p the mean of the members' probabilities, by log-sum-exp over members: probabilities
// far below the smallest double still keep their order.
class MeanProbabilities final : public Combiner {
  void combine(const MemberLogits& in, float* out) const override {
    const auto members = static_cast<size_t>(in.members), classes = static_cast<size_t>(in.classes);
    std::vector<std::span<const float>> rows(members);
    std::vector<double> log_sums(members), terms(members);
    for (int64_t sample = 0; sample < in.samples; ++sample, out += classes) {
      for (size_t m = 0; m < members; ++m) {
        rows[m] = {in.data + (static_cast<int64_t>(m) * in.samples + sample) * in.classes, classes};
        log_sums[m] = log_sum_exp(rows[m]);
      }
      for (size_t c = 0; c < classes; ++c) {
        for (size_t m = 0; m < members; ++m) terms[m] = rows[m][c] - log_sums[m];
        out[c] = static_cast<float>(log_sum_exp(std::span<const double>(terms)) - std::log(in.members));
      }
    }
  }
};

}  // namespace

std::unique_ptr<Combiner> make_mean_probabilities(Settings&) { return std::make_unique<MeanProbabilities>(); }

}  // namespace retort
