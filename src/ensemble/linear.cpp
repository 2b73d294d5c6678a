#include "ensemble/linear.h"

#include <numeric>

namespace retort {

namespace {

class Linear final : public Combiner {
 public:
  Linear(LinearForm form, double l2, int64_t folds) : form_(std::move(form)), l2_(l2), folds_(folds) {}

  void combine(const MemberLogits& in, float* out) const override {
    if (head_.theta.empty()) return apply(mean_head({in.members, in.classes, false}), in, out);
    check_count(form_.name, "members", in.members, head_.layout.members);
    check_count(form_.name, "classes", in.classes, head_.layout.classes);
    apply(head_, in, out);
  }

  bool needs_fit() const override { return true; }
  void fit(const Predictions& val, int threads) override { head_ = fit_linear(form_, l2_, folds_, val, threads); }

  Fitted fitted() const override {
    if (head_.theta.empty()) return {};
    const LinearLayout& layout = head_.layout;
    const auto end = head_.theta.begin() + static_cast<std::ptrdiff_t>(layout.weights());
    std::vector<int64_t> shape{layout.members, layout.classes};
    if (layout.cross) shape.push_back(layout.classes);
    return {{layout.cross ? kMatrix : kClassWeights, {shape, {head_.theta.begin(), end}}},
            {kBias, {{layout.classes}, {end, head_.theta.end()}}}};
  }

  void set_fitted(const Fitted& fitted, int64_t members) override {
    const bool cross = form_.cross && fitted.contains(kMatrix);
    const Numbers& weights = fitted_array(form_.name, fitted, cross ? kMatrix : kClassWeights, cross ? 3 : 2);
    const Numbers& bias = fitted_array(form_.name, fitted, kBias, 1);
    const LinearLayout layout{members, weights.shape[1], cross};
    check_count(form_.name, "members", members, weights.shape[0]);
    if (cross) check_count(form_.name, "columns of the matrix", weights.shape[2], layout.classes);
    check_count(form_.name, "biases", bias.shape[0], layout.classes);
    head_ = {layout, weights.values};
    head_.theta.insert(head_.theta.end(), bias.values.begin(), bias.values.end());
  }

 private:
  static constexpr const char *kMatrix = "matrix", *kClassWeights = "class_weights", *kBias = "bias";

  static void apply(const LinearHead& head, const MemberLogits& in, float* out) {
    LinearRows rows(head.layout);
    const std::vector<double> sums = log_sums(in, 1), centres(static_cast<size_t>(in.members));
    std::vector<int64_t> samples(static_cast<size_t>(in.samples));
    std::iota(samples.begin(), samples.end(), 0);
    for (size_t begin = 0; begin < samples.size(); begin += LinearRows::kRows) {
      const size_t count = std::min(LinearRows::kRows, samples.size() - begin);
      rows.load(in, sums, centres, std::span(samples).subspan(begin, count));
      rows.forward(head.theta);
      for (size_t r = 0; r < count; ++r) {
        for (const double z : rows.logits(r)) *out++ = finite_float(z);
      }
    }
  }

  LinearForm form_;
  double l2_;
  int64_t folds_;
  LinearHead head_;
};

}  // namespace

std::unique_ptr<Combiner> make_linear(const LinearForm& form, Settings& settings) {
  const double l2 = settings.number("l2", 0, 0, 1e12, "pull to the mean of log-probabilities; 0: by cross-validation");
  const int64_t folds = settings.integer("folds", 5, 2, 100, "of the cross-validation");
  return std::make_unique<Linear>(form, l2, folds);
}

}  // namespace retort
