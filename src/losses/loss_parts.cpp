#include "losses/loss_parts.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <cmath>

#include "base/hash.h"
#include "base/random.h"
#include "losses/features.h"

namespace retort {

namespace {

std::vector<Shape> shapes_of(const LossNetwork& network, const std::vector<std::string>& taps, Looks::Form form) {
  std::vector<Shape> shapes;
  if (!network.graph) {
    const std::map<std::string, int64_t> lengths(network.stored.begin(), network.stored.end());
    for (const std::string& tap : taps) shapes.push_back({lengths.at(tap)});
    return shapes;
  }
  const std::vector<Shape> nodes = infer_shapes(*network.graph, network.input);
  for (const std::string& tap : taps) {
    Shape shape = map_shape(nodes[static_cast<size_t>(network.graph->tap(tap))]);
    if (form == Looks::Form::pooled) shape.resize(1);
    if (form == Looks::Form::maps && shape.size() != 3) {
      fail_usage("loss", "tap '", tap, "' of ", network.graph->architecture, " gives vectors; expected feature maps");
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

double one_over_root(int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); }

}  // namespace

LossParts::LossParts(const LossSetup& setup, const Looks& looks, std::string prefix, Tensors& parameters,
                     Tensors& buffers)
    : setup_(setup),
      looks_(looks),
      prefix_(std::move(prefix)),
      student_(shapes_of(setup.student, looks.student_taps, looks.form)),
      teacher_(shapes_of(setup.teacher, looks.teacher_taps, looks.form)),
      parameters_(parameters),
      buffers_(buffers) {}

at::Tensor LossParts::filled(const std::string& name, const Shape& shape, Fill fill, double scale) const {
  const at::Tensor values = at::empty(shape, at::TensorOptions(at::kDouble));
  Rng rng = stream(setup_.seed, Purpose::init, fnv1a(name));
  double* out = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    out[i] = fill == Fill::constant ? scale : fill == Fill::uniform ? rng.uniform(-scale, scale) : scale * rng.normal();
  }
  return values.to(setup_.options);
}

at::Tensor LossParts::parameter(const std::string& name, const Shape& shape, Fill fill, double scale) {
  const std::string full = prefix_ + name;
  return parameters_[full] = filled(full, shape, fill, scale).requires_grad_();
}

at::Tensor LossParts::buffer(const std::string& name, const Shape& shape, Fill fill, double scale) {
  const std::string full = prefix_ + name;
  return buffers_[full] = filled(full, shape, fill, scale);
}

Classifier::Classifier(const LossParts& parts, int64_t features) {
  const LossNetwork& teacher = parts.teacher_network();
  const Graph& graph = *teacher.graph;
  if (!graph.distill_classifier.empty()) {
    fail_usage("loss", "the teacher ", graph.architecture, " has two classifiers; choose a loss that needs none");
  }
  weight_ = teacher.parameter(graph.classifier + ".weight").detach().to(parts.options());
  bias_ = teacher.parameter(graph.classifier + ".bias").detach().to(parts.options());
  if (weight_.size(1) == features) return;
  fail_usage("loss", "the classifier of the teacher ", graph.architecture, " takes ", weight_.size(1), " features; ",
             "its tap gives ", features, "; leave out student_taps and teacher_taps");
}

at::Tensor Classifier::operator()(const at::Tensor& x) const { return at::linear(x, weight_, bias_); }

Projection::Projection(LossParts& parts, const std::string& name, int64_t in, int64_t out, bool has_bias)
    : weight_(parts.parameter(name + ".weight", {out, in}, LossParts::Fill::uniform, one_over_root(in))) {
  if (has_bias) bias_ = parts.parameter(name + ".bias", {out}, LossParts::Fill::uniform, one_over_root(in));
}

at::Tensor Projection::operator()(const at::Tensor& x) const {
  if (x.dim() == 2) return at::linear(x, weight_, bias_.defined() ? std::optional(bias_) : std::nullopt);
  return at::conv2d(x, weight_.unsqueeze(2).unsqueeze(3), bias_.defined() ? std::optional(bias_) : std::nullopt);
}

NormedProjection::NormedProjection(LossParts& parts, const std::string& name, int64_t in, int64_t out, int64_t kernel)
    : convolution_(parts.parameter(name + ".conv.weight", {out, in, kernel, kernel}, LossParts::Fill::normal,
                                   std::sqrt(2.0) * one_over_root(out * kernel * kernel))),
      weight_(parts.parameter(name + ".bn.weight", {out}, LossParts::Fill::constant, 1)),
      bias_(parts.parameter(name + ".bn.bias", {out}, LossParts::Fill::constant, 0)) {}

at::Tensor NormedProjection::operator()(const at::Tensor& x) const {
  const int64_t padding = convolution_.size(2) / 2;
  const at::Tensor y = at::conv2d(x, convolution_, {}, /*stride=*/1, padding);
  return at::batch_norm(y, weight_, bias_, {}, {}, /*training=*/true, /*momentum=*/0, /*eps=*/1e-5,
                        /*cudnn_enabled=*/true);
}

}  // namespace retort
