#include "train/teacher_features.h"

#include <ATen/core/grad_mode.h>

#include "model/load_network.h"
#include "model/model_files.h"

namespace retort {

namespace {

std::filesystem::path first_network(const std::string& teacher) {
  const ModelFiles files = read_model_files(teacher);
  const ModelFiles::Network& first = files.networks.front();
  const std::filesystem::path directory = resolve_model(first.ref);
  if (weights_hash(directory) != first.hash) {
    fail(first.ref, "has other weights than those that ", teacher, " was fitted with; fit it again");
  }
  return directory;
}

}  // namespace

TeacherFeatures::TeacherFeatures(const TrainOptions& options, Views& views)
    : directory_(first_network(options.distill->teacher)),
      config_(read_config(directory_)),
      network_(load_network(directory_, config_,
                            {.device = options.device, .precision = options.distill->teacher_precision})),
      views_(views),
      place_(views.add(config_.preprocess)) {}

Shape TeacherFeatures::input() const {
  const ImageShape& size = config_.preprocess.size;
  return {size.channels, size.height, size.width};
}

void TeacherFeatures::fill(Taps& taps) {
  const at::NoGradGuard no_grad;
  const Batch& batch = views_.batch(place_);
  const ImageShape& size = config_.preprocess.size;
  const at::Tensor images =
      wrap_images(batch.images.data(), batch.size, size.channels, size.height, size.width, network_.device());
  network_.forward(images, /*training=*/false, &taps);
}

}  // namespace retort
