/// \file loss_case.h
/// A loss with two small networks to look at, for tests.
#pragma once

#include <ATen/ops/from_blob.h>

#include <string>
#include <vector>

#include "retort/losses.h"
#include "support/golden.h"

namespace retort::test {

/// scale * u of the name, float64 (support/golden.h).
inline at::Tensor numbers(const std::string& name, at::IntArrayRef shape, double scale) {
  std::vector<double> values = unit(name, c10::multiply_integers(shape));
  return at::from_blob(values.data(), shape, at::kDouble).clone().mul_(scale);
}

inline at::Tensor labels_of(std::vector<int64_t> labels) {
  return at::from_blob(labels.data(), {static_cast<int64_t>(labels.size())}, at::kLong).clone();
}

/// Stages of one convolution, batch norm and ReLU each, "layer1" and so on; all but the first halve the map.
inline Graph staged_graph(const std::vector<int64_t>& widths, int64_t classes) {
  GraphBuilder b("staged", 3, classes);
  int x = b.input();
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string name = str("layer", i + 1);
    x = b.conv2d(x, name + ".conv", {.out = widths[i], .kernel = 3, .stride = i > 0 ? 2 : 1, .padding = 1});
    x = b.apply(Op::relu, name + ".act", {b.batch_norm(x, name + ".bn")});
  }
  x = b.apply(Op::flatten, "flatten", {b.apply(Op::global_avg_pool, "pool", {x})});
  b.linear(x, "fc", classes);
  return b.finish("layer1.conv", "fc");
}

/// A connected loss and inputs for it: 3 samples, 4 classes, maps of 4x4 and 2x2.
class LossCase {
 public:
  explicit LossCase(const std::string& spec, at::ScalarType type = at::kDouble, double scale = 3) : loss(spec) {
    loss.connect(setup(type));
    in.student_logits = numbers("student_logits", {3, 4}, scale).to(type);
    in.teacher_logits = numbers("teacher_logits", {3, 4}, scale).to(type);
    in.member_logits = numbers("member_logits", {2, 3, 4}, scale).to(type);
    in.labels = labels_of({1, 0, 3});
    in.positions = {0, 5, 11};
    for (size_t m = 0; m < loss.member_taps().size(); ++m) {
      in.member_features.push_back(features(teacher_graph, loss.member_taps()[m], str("member ", m, " "), type));
    }
    in.student_features = features(student_graph, loss.student_taps(), "student ", type);
    in.teacher_features = features(teacher_graph, loss.teacher_taps(), "teacher ", type);
  }

  LossSetup setup(at::ScalarType type) const {
    const auto parameter = [this, type](const std::string& name) {
      for (const Parameter& p : teacher_graph.parameters) {
        if (p.name == name) return numbers(name, p.shape, 1).to(type);
      }
      fail("test", "no parameter ", name);
    };
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < 20; ++i) labels.push_back((i * i + 1) % 4);
    return {.student = {&student_graph, {3, 4, 4}, {}},
            .teacher = {&teacher_graph, {3, 4, 4}, parameter},
            .members = {{&teacher_graph, {3, 4, 4}, parameter}, {&teacher_graph, {3, 4, 4}, parameter}},
            .labels = labels,
            .seed = 7,
            .options = type};
  }

  at::Tensor value() { return loss(in); }

  /// What a gradient flows into: the student's logits and features and the loss's own parameters.
  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> out{in.student_logits};
    for (const Tensors* some : {&in.student_features, &loss.parameters()}) {
      for (const auto& [name, tensor] : *some) out.push_back(tensor);
    }
    return out;
  }

  const Graph student_graph = staged_graph({4, 6}, 4), teacher_graph = staged_graph({5, 8}, 4);
  Loss loss;
  LossInputs in;

 private:
  static Tensors features(const Graph& graph, const Tensors& taps, const std::string& who, at::ScalarType type) {
    const std::vector<Shape> shapes = infer_shapes(graph, {3, 4, 4});
    Tensors out;
    for (const auto& [tap, none] : taps) {
      Shape shape = shapes[static_cast<size_t>(graph.tap(tap))];
      shape.insert(shape.begin(), 3);
      out[tap] = numbers(who + tap, shape, 1).to(type);
    }
    return out;
  }
};

}  // namespace retort::test
