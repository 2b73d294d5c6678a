#include "ensemble/cascade.h"

#include <algorithm>
#include <numeric>

#include "base/softmax.h"
#include "ensemble/combiners.h"

namespace retort {

namespace {

// The samples that no stage has settled, and what is known of them.
struct Open {
  std::vector<int64_t> positions;
  std::vector<float> logits;  ///< [members, positions, C], of the members that have run
  int64_t members = 0;

  void run(const LazyMembers& in, int64_t up_to) {
    const auto size = static_cast<int64_t>(positions.size()) * in.classes;
    logits.resize(static_cast<size_t>(up_to * size));
    in.run(members, up_to, positions, logits.data() + members * size);
    members = up_to;
  }

  // Leaves those at the places `kept`, which ascend.
  void keep(const std::vector<int64_t>& kept, int64_t classes) {
    float* to = logits.data();
    for (int64_t m = 0; m < members; ++m) {
      const float* rows = logits.data() + m * std::ssize(positions) * classes;
      for (const int64_t k : kept) to = std::copy_n(rows + k * classes, classes, to);  // never to the right of it
    }
    for (size_t k = 0; k < kept.size(); ++k) positions[k] = positions[static_cast<size_t>(kept[k])];
    positions.resize(kept.size());
  }
};

class CascadeCombiner final : public Combiner {
 public:
  explicit CascadeCombiner(std::vector<CascadeStage> stages) : stages_(std::move(stages)) {}

  void combine(const MemberLogits& in, float* out) const override { combine_lazily(lazy_view(in), out); }
  bool is_lazy() const override { return stages_.size() > 1; }

  void combine_lazily(const LazyMembers& in, float* out) const override {
    check_count("cascade", "members", in.members, stages_.back().members);
    Open open{.positions = std::vector<int64_t>(static_cast<size_t>(in.samples))};
    std::iota(open.positions.begin(), open.positions.end(), 0);
    std::vector<float> answers;
    for (const CascadeStage& stage : stages_) {
      const int64_t count = std::ssize(open.positions);
      if (count == 0) return;
      open.run(in, stage.members);
      answers.resize(static_cast<size_t>(count * in.classes));
      stage.answer->combine({open.logits.data(), stage.members, count, in.classes}, answers.data());
      std::vector<int64_t> kept;
      for (int64_t k = 0; k < count; ++k) {
        const std::span<const float> row(answers.data() + k * in.classes, static_cast<size_t>(in.classes));
        const bool settled = &stage == &stages_.back() || confidence(row) >= stage.threshold;
        if (!settled) kept.push_back(k);
        if (settled) std::copy(row.begin(), row.end(), out + open.positions[static_cast<size_t>(k)] * in.classes);
      }
      open.keep(kept, in.classes);
    }
  }

 private:
  std::vector<CascadeStage> stages_;
};

}  // namespace

double confidence(std::span<const float> logits) {
  return std::exp(*std::max_element(logits.begin(), logits.end()) - log_sum_exp(logits));
}

std::unique_ptr<Combiner> make_cascade(std::vector<CascadeStage> stages) {
  return std::make_unique<CascadeCombiner>(std::move(stages));
}

}  // namespace retort
