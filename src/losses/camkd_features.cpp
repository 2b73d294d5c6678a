// Zhang, Chen, Wang: Confidence-Aware Multi-Teacher Knowledge Distillation, ICASSP 2022: the part of features, L_inter.
// A member counts more for a sample where its own classifier is right about the student's projected map. As in the
// authors' code these weights pass gradients.
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

#include "losses/features.h"
#include "losses/logits.h"

namespace retort {

namespace {

// Of one member: squared differences of a sample's maps, then its classifier's logits of the projected one, [N, 1 + C].
LossTerm::FeatureFunction of_member(LossParts& parts) {
  if (parts.size() != 1) fail_usage("camkd_features", "looks at one pair of taps; ", parts.size(), " given");
  const Classifier classifier(parts, parts.teacher(0)[0]);
  const bool relu = ends_in_relu(*parts.teacher_network().graph, parts.teacher_tap(0));
  const NormedProjection project(parts, "0", parts.student(0)[0], parts.teacher(0)[0]);
  return [=](const Features& student, const Features& teacher, const LossInputs&) {
    const auto [s, t] = at_one_size(student[0], teacher[0]);
    const at::Tensor map = relu ? project(s).relu() : project(s);
    const at::Tensor distance = map.sub(t).square().mean({1, 2, 3});
    return at::cat({distance.unsqueeze(1), classifier(pooled(map))}, 1);
  };
}

// `stacked` [M, N, 1 + C].
at::Tensor combine(const at::Tensor& stacked, const LossInputs& all) {
  const int64_t members = stacked.size(0);
  if (members < 2) fail("camkd_features", "needs a teacher of at least two members");
  const LossInputs in = labelled_rows(all);
  const at::Tensor rows = all.labelled.defined() ? stacked.index_select(1, all.labelled) : stacked;
  if (rows.size(1) == 0) return stacked.sum().mul(0);
  const at::Tensor column = label_column(in).unsqueeze(0).expand({members, -1, -1});
  const at::Tensor nll = rows.slice(2, 1).log_softmax(2).gather(2, column).squeeze(2).neg();
  const at::Tensor weights = nll.softmax(0).neg().add(1).div(members - 1);
  return weights.mul(rows.select(2, 0)).sum().div(members * stacked.size(1));
}

}  // namespace

LossTerm make_camkd_features(Settings&) {
  LossTerm term({.student = Look::last_map, .teacher = Look::last_map, .form = Looks::Form::maps}, of_member);
  term.combine = combine;
  term.leaves_out_unlabelled = true;
  return term;
}

}  // namespace retort
