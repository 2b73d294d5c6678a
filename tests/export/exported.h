/// \file exported.h
/// Networks with numbers from their names, as run directories and as ONNX files, and both run.
#pragma once

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <string>
#include <vector>

#include "network/tiny_graph.h"
#include "retort/export.h"
#include "retort/infer.h"
#include "retort/weights.h"
#include "retort/zoo.h"
#include "support/temp_dir.h"

namespace retort::test {

inline ModelConfig config_of(const Graph& graph, const ImageShape& size) {
  const auto channels = static_cast<size_t>(size.channels);
  return {.architecture = graph.architecture,
          .num_classes = graph.classes,
          .preprocess = {.size = size,
                         .crop_pct = 1,
                         .mean = std::vector<double>(channels, 0.4),
                         .std = std::vector<double>(channels, 0.2)},
          .fixed_input_size = graph.image_size > 0};
}

/// Fills the network by names and writes it as a run directory.
inline fs::path write_run(const fs::path& directory, const Network& network, const ModelConfig& config) {
  fill_from_names(network);
  write_config(directory, config);
  network.save(weights_path(directory));
  return directory;
}

inline std::vector<float> some_images(int64_t n, const ImageShape& size) {
  std::vector<float> images(static_cast<size_t>(n * size.numel()));
  for (size_t i = 0; i < images.size(); ++i)
    images[i] = std::sin(0.37F * static_cast<float>(i % 1009) + 1e-3F * static_cast<float>(i % 313));
  return images;
}

/// [n, classes] by LibTorch.
inline std::vector<float> torch_logits(Network& network, std::vector<float> images, int64_t n, const ImageShape& size) {
  const at::NoGradGuard no_grad;
  const at::Tensor out =
      network.forward(wrap_images(images.data(), n, size.channels, size.height, size.width, at::kCPU), false)
          .contiguous();
  return {out.const_data_ptr<float>(), out.const_data_ptr<float>() + out.numel()};
}

inline std::vector<float> session_logits(Session& session, const std::vector<float>& images, int64_t n) {
  std::vector<float> logits(static_cast<size_t>(n * session.config().num_classes));
  session.run(images.data(), n, logits.data());
  return logits;
}

/// The largest difference, as a share of the largest of `expected`.
inline double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  double error = 0, largest = 1e-6;
  for (size_t i = 0; i < expected.size(); ++i) {
    error = std::max<double>(error, std::abs(actual[i] - expected[i]));
    largest = std::max<double>(largest, std::abs(expected[i]));
  }
  return error / largest;
}

}  // namespace retort::test
