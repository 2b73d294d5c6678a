#include "train/validation.h"

#include <c10/core/InferenceMode.h>

namespace retort {

namespace {

constexpr int64_t kBatch = 256;

const Samples& samples_of(const DataSet& data) {
  if (data.val.size() == 0)
    fail(data.spec, "the split val has no samples; expected enough data for one in ten of train");
  return data.val;
}

}  // namespace

Validation::Validation(const DataSet& data, const Preprocess& preprocess, int workers)
    : size_(preprocess.size),
      classes_(data.classes()),
      loader_(samples_of(data), preprocess, {.batch = kBatch, .workers = workers}) {}

Metrics Validation::evaluate(Network& network) {
  const c10::InferenceMode inference;
  logits_.clear();
  labels_.clear();
  loader_.start(/*epoch=*/0, kPlainView);
  while (const Batch* batch = loader_.next()) {
    const at::Tensor images =
        wrap_images(batch->images.data(), batch->size, size_.channels, size_.height, size_.width, network.device());
    const at::Tensor logits = network.forward(images, /*training=*/false).to(at::kCPU, at::kFloat).contiguous();
    const float* data = logits.const_data_ptr<float>();
    logits_.insert(logits_.end(), data, data + logits.numel());
    labels_.insert(labels_.end(), batch->labels.begin(), batch->labels.end());
  }
  return retort::evaluate(logits_, labels_, classes_);
}

}  // namespace retort
