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
    for (const NestedMember& member : members_) networks_ += member.networks;
  }
  void combine(const MemberLogits& in, float* out) const override {
    check_count("ensemble", "networks", in.members, networks_);
    const int64_t size = in.samples * in.classes;
    std::vector<float> answers(members_.size() * static_cast<size_t>(size));
    float* answer = answers.data();
    int64_t first = 0;
    for (const NestedMember& member : members_) {
      const MemberLogits own{in.row(first, 0).data(), member.networks, in.samples, in.classes, in.stride};
      if (member.combiner) {
        member.combiner->combine(own, answer);
      } else {
        std::copy_n(own.data, size, answer);
      }
      first += member.networks;
      answer += size;
    }
    outer_->combine({answers.data(), std::ssize(members_), in.samples, in.classes}, out);
  }

 private:
  std::vector<NestedMember> members_;
  std::unique_ptr<Combiner> outer_;
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
