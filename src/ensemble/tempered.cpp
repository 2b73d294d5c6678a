#include "ensemble/combiners.h"

namespace retort {

namespace {

// Each member's temperature minimises its own NLL on val; their probabilities are averaged then.
class Tempered final : public Combiner {
 public:
  explicit Tempered(std::string name) : name_(std::move(name)) {}

  void combine(const MemberLogits& in, float* out) const override {
    const auto members = static_cast<size_t>(in.members);
    std::vector<double> scales(members, 1.0);
    if (!temperatures_.empty()) {
      check_count(name_, "members", in.members, std::ssize(temperatures_));
      for (size_t m = 0; m < members; ++m) scales[m] = 1 / temperatures_[m];
    }
    mix_probabilities(in, std::vector<double>(members, 1 / static_cast<double>(members)), scales, out);
  }

  bool needs_fit() const override { return true; }

  void fit(const Predictions& val, int threads) override {
    temperatures_.clear();
    for (int64_t m = 0; m < val.count(); ++m) {
      const MemberLogits one{val.member(m).data(), 1, val.samples, val.classes};
      temperatures_.push_back(1 / fit_scale(one, val.labels, threads));
    }
  }

  Fitted fitted() const override {
    if (temperatures_.empty()) return {};
    return {{"temperatures", {{std::ssize(temperatures_)}, temperatures_}}};
  }

  void set_fitted(const Fitted& fitted, int64_t members) override {
    const Numbers& n = fitted_array(name_, fitted, "temperatures", 1);
    check_count(name_, "members", members, n.shape[0]);
    for (const double t : n.values) {
      if (!(t > 0)) fail(name_, "temperature ", t, "; expected more than 0");
    }
    temperatures_ = n.values;
  }

 private:
  std::string name_;
  std::vector<double> temperatures_;
};

}  // namespace

std::unique_ptr<Combiner> make_tempered(Settings&) { return std::make_unique<Tempered>("tempered"); }
std::unique_ptr<Combiner> make_temperature(Settings&) { return std::make_unique<Tempered>("temperature"); }

}  // namespace retort
