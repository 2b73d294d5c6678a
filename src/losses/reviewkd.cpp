// Chen, Liu, Zhao, Jia: Distilling Knowledge via Knowledge Review, CVPR 2021, as mdistiller's code.
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "losses/features.h"

namespace retort {

namespace {

// x at the size of `like`.
at::Tensor resized(const at::Tensor& x, const at::Tensor& like) {
  if (x.size(2) == like.size(2) && x.size(3) == like.size(3)) return x;
  return at::upsample_nearest2d(x, {like.size(2), like.size(3)});
}

/// Fuses a level of the student with what came of the deeper ones (attention based fusion).
class Fusion {
 public:
  Fusion(LossParts& parts, size_t i, int64_t middle, bool deepest)
      : in_(parts, str(i, ".in"), parts.student(i)[0], middle),
        out_(parts, str(i, ".out"), middle, parts.teacher(i)[0], /*kernel=*/3) {
    if (!deepest) gates_.emplace(parts, str(i, ".attention"), 2 * middle, 2, /*has_bias=*/true);
  }
  // What the shallower level takes, at the teacher's size.
  at::Tensor fuse(const at::Tensor& student, const at::Tensor& deeper, const at::Tensor& teacher) const {
    at::Tensor x = in_(student);
    if (gates_) {
      const at::Tensor y = resized(deeper, x);
      const at::Tensor gates = (*gates_)(at::cat({x, y}, 1)).sigmoid();
      x = x.mul(gates.slice(1, 0, 1)).add(y.mul(gates.slice(1, 1, 2)));
    }
    return resized(x, teacher);
  }
  at::Tensor out(const at::Tensor& fused) const { return out_(fused); }

 private:
  NormedProjection in_, out_;
  std::optional<Projection> gates_;
};

at::Tensor maps_of(const at::Tensor& x) { return x.dim() == 2 ? x.unsqueeze(2).unsqueeze(3) : x; }

}  // namespace

at::Tensor hierarchical_context(const at::Tensor& s, const at::Tensor& t) {
  at::Tensor sum = mean_square(s, t);
  double share = 1, total = 1;
  for (const int64_t grid : {4, 2, 1}) {
    if (grid >= s.size(2)) continue;
    share /= 2;
    total += share;
    sum =
        sum.add(mean_square(at::adaptive_avg_pool2d(s, {grid, grid}), at::adaptive_avg_pool2d(t, {grid, grid})), share);
  }
  return sum.div(total);
}

LossTerm make_reviewkd(Settings& settings) {
  const int64_t widest = settings.integer("max_channels", 512, 1, 1 << 20, "of the fused levels");
  return {{.student = Look::levels, .teacher = Look::levels}, [widest](LossParts& parts) -> LossTerm::FeatureFunction {
            const size_t levels = parts.size();
            const int64_t middle = std::min(widest, parts.student(levels - 1)[0]);
            std::vector<Fusion> fusions;
            for (size_t i = 0; i < levels; ++i) fusions.emplace_back(parts, i, middle, i + 1 == levels);
            return [fusions](const Features& student, const Features& teacher, const LossInputs&) {
              at::Tensor fused, sum = student[0].new_zeros({});
              for (size_t i = student.size(); i-- > 0;) {
                const at::Tensor t = maps_of(teacher[i]);
                fused = fusions[i].fuse(maps_of(student[i]), fused, t);
                sum = sum.add(hierarchical_context(fusions[i].out(fused), t));
              }
              return sum;
            };
          }};
}

}  // namespace retort
