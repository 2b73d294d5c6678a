/// \file optimizer.h
/// SGD with Nesterov momentum, AdamW and DOT, through LibTorch's fused kernels.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "retort/network.h"

namespace retort {

struct OptimizerOptions {
  std::string kind = "sgd";                ///< "sgd", "adamw" or "dot"
  double momentum = 0.9;                   ///< of sgd and dot
  double weight_decay = 0;                 ///< not on tensors of one dimension, which are norms and biases,
  std::set<std::string> no_decay = {};     ///< nor on these parameters
  std::map<std::string, double> lr_scale;  ///< factors of the rate, by parameter; 1 for those that are not there
  double dot_delta = 0;                    ///< what dot's momentum of distillation is above that, and of labels below
};

/// Steps parameters along their gradients.
///   sgd:   g += wd * w;  m = momentum * m + g;  w -= lr * (g + momentum * m)
///   dot:   v_l = (momentum - delta) * v_l + g_l + wd * w;  v_d = (momentum + delta) * v_d + g_d;  w -= lr * (v_l +
///   v_d)
///          with g_l and g_d the gradients of the labels' and of distillation's part (Distillation-Oriented Trainer,
///          Zhao et al. ICCV 2023, as in mdistiller); v = momentum * v + g + wd * w where there is one of them alone
///   adamw: w -= lr * wd * w;  m, v = averages of g, g^2 (0.9, 0.999), corrected;  w -= lr * m / (sqrt(v) + 1e-8)
class Optimizer {
 public:
  Optimizer(const std::vector<NamedTensor>& parameters, const OptimizerOptions& options);
  /// Of dot: takes the gradients that are there for those of distillation; those of labels come next, then step().
  void take_distill_gradients();
  /// Uses the gradients and lets them go. Throws Error where a parameter has none.
  void step(double lr);
  /// All that a checkpoint must keep, by name; the tensors are the optimizer's own.
  const std::vector<NamedTensor>& state() const { return state_; }

 private:
  struct Group {
    double lr_scale = 1, weight_decay = 0;
    std::vector<at::Tensor> parameters, gradients, first, second, steps, distill_gradients;
  };
  Group& group_of(const NamedTensor& parameter);
  at::Tensor add_state(const std::string& name, const at::Tensor& like);
  void update(Group& group, double lr) const;
  void update_dot(Group& group, double lr) const;

  OptimizerOptions options_;
  std::vector<Group> groups_;
  std::vector<NamedTensor> state_;
  at::Tensor steps_;  ///< of adamw: steps taken, one number for all parameters
};

/// Scales all gradients so that their common norm is at most `max_norm`. Returns the norm before.
double clip_gradients(const std::vector<NamedTensor>& parameters, double max_norm);

}  // namespace retort
