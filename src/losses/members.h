/// \file members.h
/// What losses of several teachers share: the teacher's members one by one.
#pragma once

#include "losses/registry.h"

namespace retort {

/// Members' logits [M, N, C]. Throws Error where there are none, or not of the student's samples and classes.
const at::Tensor& member_logits(const LossInputs& inputs);

/// T^2 * KL(member || student) of each member and sample, [M, N].
at::Tensor member_kd(const LossInputs& inputs, double temperature);

/// -log p of the label by each member, [M, N].
at::Tensor member_label_nll(const LossInputs& inputs);

/// Weights of least |sum_m w_m g_m|^2 with sum w = 1 and 0 <= w <= `largest` (at least 1 / M), for rows g [M, D].
std::vector<double> least_norm_weights(const at::Tensor& rows, double largest);

}  // namespace retort
