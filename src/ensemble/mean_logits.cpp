#include "ensemble/combiners.h"

namespace retort {

namespace {

class MeanLogits final : public Combiner {
  void combine(const MemberLogits& in, float* out) const override {
    const auto members = static_cast<size_t>(in.members);
    weighted_sum(in, std::vector<double>(members, 1 / static_cast<double>(members)), out);
  }
};

}  // namespace

std::unique_ptr<Combiner> make_mean_logits(Settings&) { return std::make_unique<MeanLogits>(); }

}  // namespace retort
