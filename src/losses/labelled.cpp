// Batches in which some samples have no labels.
#include "losses/registry.h"

namespace retort {

namespace {

at::Tensor rows_of(const at::Tensor& tensor, const at::Tensor& rows, int64_t dim = 0) {
  return tensor.defined() ? tensor.index_select(dim, rows) : tensor;
}

}  // namespace

LossInputs labelled_rows(const LossInputs& in) {
  const at::Tensor& rows = in.labelled;
  if (!rows.defined()) return in;
  return {.student_logits = rows_of(in.student_logits, rows),
          .teacher_logits = rows_of(in.teacher_logits, rows),
          .labels = rows_of(in.labels, rows),
          .label_logits = rows_of(in.label_logits, rows),
          .mixed = {rows_of(in.mixed.labels, rows), rows_of(in.mixed.shares, rows)},
          .member_logits = rows_of(in.member_logits, rows, 1),
          .epoch = in.epoch};
}

double labelled_share(const LossInputs& in) {
  if (!in.labelled.defined()) return 1;
  return static_cast<double>(in.labelled.size(0)) / static_cast<double>(in.student_logits.size(0));
}

LossTerm of_labelled(LossTerm::LogitFunction function) {
  LossTerm term([function = std::move(function)](const LossInputs& in) {
    if (!in.labelled.defined()) return function(in);
    if (in.labelled.size(0) == 0) return in.student_logits.sum().mul(0);
    return function(labelled_rows(in)).mul(labelled_share(in));
  });
  term.leaves_out_unlabelled = true;
  return term;
}

}  // namespace retort
