/// \file logits.h
/// What losses of logits share.
#pragma once

#include "retort/losses.h"

namespace retort {

/// Throws Error where logits are not [N, C] of at least one sample and class.
void check_logits(const at::Tensor& logits);

/// Sums of exponentials need float32; float64 stays.
at::Tensor at_least_float32(const at::Tensor& tensor);

/// Declares the setting `temperature`.
double read_temperature(Settings& settings, double default_value);

/// KL(teacher || student) of each row of log probabilities [N, C], [N].
at::Tensor row_kl(const at::Tensor& teacher, const at::Tensor& student);

/// T^2 * KL(teacher || student) of logits at temperature T, mean over samples.
at::Tensor kd_loss(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double temperature);

/// Cross entropy with the teacher's decisions, mean over samples.
at::Tensor decision_loss(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double smoothing = 0);

/// Throws Error where labels are not int64 [N].
void check_labels(const at::Tensor& labels, int64_t samples);

/// Labels as a column [N, 1]. Throws Error where they are not int64 [N] of the classes.
at::Tensor label_column(const LossInputs& inputs);

/// -log p of the label, [N]; labels as a column.
at::Tensor label_nll(const at::Tensor& logits, const at::Tensor& column);

}  // namespace retort
