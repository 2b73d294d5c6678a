/// \file optimizer.h
/// SGD with Nesterov momentum, AdamW and DOT, clipping of gradients and averages of weights, in one pass over memory.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "retort/kernels.h"
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
/// Float32 on a CPU runs by our kernels, a short piece of all that belongs together at a time; all else by LibTorch's.
/// The same bytes for any number of threads.
class Optimizer {
 public:
  Optimizer(const std::vector<NamedTensor>& parameters, const OptimizerOptions& options);
  /// From now on step() moves these averages of parameters, by name: average = decay * average + (1 - decay) * weight.
  /// Names that it does not know are left out.
  void keep_averages(const std::vector<NamedTensor>& averages, double decay);
  /// Counts the gradients that are there so scaled, once they are used, that the norm of all is at most `max_norm`.
  /// Returns the norm before.
  double clip(double max_norm);
  /// Of dot: takes the gradients that are there for those of distillation; those of labels come next, then step().
  void take_distill_gradients();
  /// Uses the gradients and lets them go. Throws Error where a parameter has none.
  void step(double lr);
  /// All that a checkpoint must keep, by name; the tensors are the optimizer's own.
  const std::vector<NamedTensor>& state() const { return state_; }

 private:
  /// A gradient, the momentum that it goes into, and how.
  struct Move {
    at::Tensor gradient, momentum;
    SgdStep step;
  };
  struct Slot {
    std::string name;
    at::Tensor weight, first, second, average, distill_gradient;
    double lr_scale = 1, weight_decay = 0;
    bool by_kernels = false;
    Move label, distill;  ///< of this step; one without a gradient is none
  };
  /// Numbers [begin, end) of a slot.
  struct Piece {
    size_t slot;
    int64_t begin, end;
  };
  Slot make_slot(const NamedTensor& parameter);
  at::Tensor add_state(const std::string& name, const at::Tensor& like);
  void set_moves(Slot& slot, double lr) const;
  void set_dot_moves(Slot& slot, double lr) const;
  AdamwStep adamw(const Slot& slot, double lr) const;
  void run(const Piece& piece, double lr) const;
  void run_by_torch(Slot& slot, double lr) const;

  OptimizerOptions options_;
  std::vector<Slot> slots_;
  std::vector<Piece> pieces_;  ///< of the slots that kernels run
  std::vector<NamedTensor> state_;
  at::Tensor steps_;  ///< of adamw: steps taken, one number for all parameters
  double average_rate_ = 0, scale_ = 1, distill_scale_ = 1;
  bool distill_taken_ = false;
};

}  // namespace retort
