#include "ensemble/compose.h"

#include <algorithm>

#include "ensemble/combiners.h"

namespace retort {

namespace {

class Calibrated final : public Combiner {
 public:
  Calibrated(std::unique_ptr<Combiner> combiner, std::unique_ptr<Combiner> calibration)
      : combiner_(std::move(combiner)), calibration_(std::move(calibration)) {}
  void combine(const MemberLogits& in, float* out) const override {
    std::vector<float> combined(static_cast<size_t>(in.samples * in.classes));
    combiner_->combine(in, combined.data());
    calibration_->combine({combined.data(), 1, in.samples, in.classes}, out);
  }

 private:
  std::unique_ptr<Combiner> combiner_, calibration_;
};

class Nested final : public Combiner {
 public:
  Nested(std::vector<NestedMember> members, std::unique_ptr<Combiner> outer)
      : members_(std::move(members)), outer_(std::move(outer)) {
    for (const NestedMember& member : members_) {
      first_.push_back(networks_);
      networks_ += member.networks;
    }
  }
  void combine(const MemberLogits& in, float* out) const override { combine_lazily(lazy_view(in), out); }
  void combine_lazily(const LazyMembers& in, float* out) const override {
    check_count("ensemble", "networks", in.members, networks_);
    const auto run = [&](int64_t first, int64_t last, std::span<const int64_t> positions, float* answers) {
      for (int64_t m = first; m < last; ++m) {
        answer(static_cast<size_t>(m), in, positions, answers);
        answers += std::ssize(positions) * in.classes;
      }
    };
    outer_->combine_lazily({std::ssize(members_), in.samples, in.classes, run}, out);
  }
  bool is_lazy() const override {
    const auto lazy = [](const NestedMember& member) { return member.combiner && member.combiner->is_lazy(); };
    return outer_->is_lazy() || std::any_of(members_.begin(), members_.end(), lazy);
  }

 private:
  // One member's answer for some of the samples.
  void answer(size_t m, const LazyMembers& in, std::span<const int64_t> positions, float* out) const {
    const auto& [networks, combiner] = members_[m];
    if (!combiner) return in.run(first_[m], first_[m] + 1, positions, out);
    const auto run = [&](int64_t first, int64_t last, std::span<const int64_t> of_them, float* logits) {
      std::vector<int64_t> own;
      for (const int64_t k : of_them) own.push_back(positions[static_cast<size_t>(k)]);
      in.run(first_[m] + first, first_[m] + last, own, logits);
    };
    combiner->combine_lazily({networks, std::ssize(positions), in.classes, run}, out);
  }

  std::vector<NestedMember> members_;
  std::unique_ptr<Combiner> outer_;
  std::vector<int64_t> first_;  ///< of each member, its first network
  int64_t networks_ = 0;
};

}  // namespace

std::unique_ptr<Combiner> calibrated(std::unique_ptr<Combiner> combiner, std::unique_ptr<Combiner> calibration) {
  return std::make_unique<Calibrated>(std::move(combiner), std::move(calibration));
}

std::unique_ptr<Combiner> nested(std::vector<NestedMember> members, std::unique_ptr<Combiner> outer) {
  return std::make_unique<Nested>(std::move(members), std::move(outer));
}

}  // namespace retort
