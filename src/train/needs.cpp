#include "train/needs.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "base/machine.h"
#include "base/random.h"
#include "retort/losses.h"
#include "retort/network.h"
#include "retort/zoo.h"
#include "train/input.h"

namespace retort {

namespace {

Shape input_shape(const TrainOptions& options, const DataSet& data) {
  const ImageShape size = training_preprocess(options, data, nullptr).size;
  return {size.channels, size.height, size.width};
}

Graph graph_of(const TrainOptions& options, const DataSet& data, const Shape& input) {
  return build_model(options.model, data.classes(), input[0], input[1]);
}

}  // namespace

TrainNeeds training_needs(const TrainOptions& options, const DataSet& data) {
  const Shape input = input_shape(options, data);
  const Graph graph = graph_of(options, data, input);
  const Cost c = cost(graph, input);
  int64_t activations = 0;
  for (const Shape& shape : infer_shapes(graph, input)) {
    int64_t numel = 1;
    for (const int64_t d : shape) numel *= d;
    activations += numel;
  }
  const auto bytes = static_cast<int64_t>(sizeof(float));
  return {c.macs, bytes * (4 * c.parameters + 2 * options.batch * activations)};
}

double measure_training(const TrainOptions& options, const DataSet& data) {
  constexpr double kMultiplyAdds = 1e10;  // of a step: a fraction of a second
  constexpr int kSteps = 2;
  const Shape input = input_shape(options, data);
  set_threads(1);
  Network network(graph_of(options, data, input),
                  {.device = options.device, .precision = parse_precision(options.precision)});
  const double macs = 3 * static_cast<double>(std::max<int64_t>(1, cost(network.graph(), input).macs));
  const int64_t batch =
      std::clamp<int64_t>(static_cast<int64_t>(kMultiplyAdds / macs), 2, std::max<int64_t>(2, options.batch));
  Rng rng({0});
  std::vector<float> pixels(static_cast<size_t>(batch * input[0] * input[1] * input[2]));
  for (float& pixel : pixels) pixel = static_cast<float>(rng.uniform(-1, 1));
  const at::Tensor images = wrap_images(pixels.data(), batch, input[0], input[1], input[2], network.device());
  const at::Tensor labels = at::zeros({batch}, at::TensorOptions().dtype(at::kLong)).to(network.device());
  const at::AutoGradMode gradients(true);
  double best = std::numeric_limits<double>::infinity();
  for (int step = 0; step <= kSteps; ++step) {  // the first one warms up, and is the slowest
    const double start = thread_cpu_seconds();
    cross_entropy(network.forward(images, /*training=*/true), labels).backward();
    best = std::min(best, thread_cpu_seconds() - start);
  }
  return best / static_cast<double>(batch);
}

}  // namespace retort
