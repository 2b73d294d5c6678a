// Tung, Mori: Similarity-Preserving Knowledge Distillation, ICCV 2019.
#include "losses/features.h"

namespace retort {

LossTerm make_similarity(Settings&) {
  return {{}, [](const Features& student, const Features& teacher) {
            const auto similarity = [](const at::Tensor& x) {
              const at::Tensor flat = x.flatten(1);
              return unit(flat.mm(flat.t()), 1);
            };
            return sum_of_pairs(student, teacher, [&](const at::Tensor& s, const at::Tensor& t) {
              return mean_square(similarity(s), similarity(t));
            });
          }};
}

}  // namespace retort
