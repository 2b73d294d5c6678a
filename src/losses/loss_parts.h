/// \file loss_parts.h
/// What a loss of features is made from: the shapes of its features, and parameters and buffers of its own.
#pragma once

#include "losses/taps.h"
#include "retort/losses.h"

namespace retort {

class LossParts {
 public:
  /// What is made is added to `parameters` and `buffers`, called `prefix` and its own name.
  LossParts(const LossSetup& setup, const Looks& looks, std::string prefix, Tensors& parameters, Tensors& buffers);

  /// Pairs of taps.
  size_t size() const { return student_.size(); }
  /// [C, H, W] or [C] of the features at tap i, as the term is given them.
  const Shape& student(size_t i) const { return student_[i]; }
  const Shape& teacher(size_t i) const { return teacher_[i]; }
  const std::string& teacher_tap(size_t i) const { return looks_.teacher_taps[i]; }
  const LossNetwork& teacher_network() const { return setup_.teacher; }
  const std::vector<int64_t>& labels() const { return setup_.labels; }
  uint64_t seed() const { return setup_.seed; }
  const at::TensorOptions& options() const { return setup_.options; }

  /// Initial values: all `scale`; uniform in +-scale; normal of deviation `scale`. A pure function of seed and name.
  enum class Fill { constant, uniform, normal };
  at::Tensor parameter(const std::string& name, const Shape& shape, Fill fill, double scale);
  at::Tensor buffer(const std::string& name, const Shape& shape, Fill fill, double scale);

 private:
  at::Tensor filled(const std::string& name, const Shape& shape, Fill fill, double scale) const;

  const LossSetup& setup_;
  const Looks& looks_;
  std::string prefix_;
  std::vector<Shape> student_, teacher_;
  Tensors &parameters_, &buffers_;
};

/// The teacher's own classifier, held as it is. Throws a usage error where there are two, and where it does not take
/// vectors of `features`.
class Classifier {
 public:
  Classifier(const LossParts& parts, int64_t features);
  at::Tensor operator()(const at::Tensor& vectors) const;

 private:
  at::Tensor weight_, bias_;
};

/// A linear layer of the features of each pixel or vector, PyTorch's initial values: a 1x1 convolution of maps.
class Projection {
 public:
  Projection(LossParts& parts, const std::string& name, int64_t in, int64_t out, bool has_bias = false);
  at::Tensor operator()(const at::Tensor& features) const;

 private:
  at::Tensor weight_, bias_;
};

/// A projection without bias and a batch norm of the batch's own statistics: terms are computed in training only.
class NormedProjection {
 public:
  NormedProjection(LossParts& parts, const std::string& name, int64_t in, int64_t out, int64_t kernel = 1);
  at::Tensor operator()(const at::Tensor& maps) const;

 private:
  at::Tensor convolution_, weight_, bias_;
};

}  // namespace retort
