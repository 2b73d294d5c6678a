#include <algorithm>
#include <cmath>

#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

constexpr double kNoVote = -30;  // the logit of a class without a vote, whose log share would be -infinity

// A member votes for its highest logit, the lowest class on ties.
class MajorityVote final : public Combiner {
  void combine(const MemberLogits& in, float* out) const override {
    std::vector<double> votes(static_cast<size_t>(in.classes));
    for (int64_t i = 0; i < in.samples; ++i) {
      std::fill(votes.begin(), votes.end(), 0);
      for (int64_t m = 0; m < in.members; ++m) {
        ++votes[static_cast<size_t>(highest_of(in.row(m, i)))];
      }
      for (const double v : votes) {
        *out++ = static_cast<float>(v > 0 ? std::log(v / static_cast<double>(in.members)) : kNoVote);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Combiner> make_majority_vote(Settings&) { return std::make_unique<MajorityVote>(); }

}  // namespace retort
