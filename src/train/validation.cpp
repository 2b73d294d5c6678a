#include "train/validation.h"

#include <c10/core/InferenceMode.h>

#include "train/input.h"

namespace retort {

Views plain_val(const DataSet& data, int workers) {
  constexpr int64_t kBatch = 256;
  if (data.val.size() == 0) {
    fail(data.spec, "the split val has no samples; expected enough data for one in ten of train");
  }
  return {data.val, {.batch = kBatch, .workers = workers}};
}

void Validation::add(Network& network, const Batch& batch) {
  const c10::InferenceMode inference;
  const at::Tensor logits =
      network.forward(images_of(batch, size_, network), /*training=*/false).to(at::kCPU, at::kFloat).contiguous();
  const float* data = logits.const_data_ptr<float>();
  logits_.insert(logits_.end(), data, data + logits.numel());
  labels_.insert(labels_.end(), batch.labels.begin(), batch.labels.end());
}

Metrics Validation::metrics() {
  const Metrics metrics = evaluate(logits_, labels_, classes_);
  logits_.clear();
  labels_.clear();
  return metrics;
}

}  // namespace retort
