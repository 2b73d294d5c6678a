#include "train/input.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "retort/zoo.h"

namespace retort {

namespace {

constexpr int kThreadsPerWorker = 4;  // a worker makes batches of pixels in memory several times faster than four cores
                                      // use them

bool one_size(const DataSet& data) { return data.shape.height > 0; }

// A stem that was adapted from colour to grey sees the mean of what its colours saw.
std::vector<double> for_channels(const std::vector<double>& values, int64_t channels) {
  if (std::ssize(values) == channels) return values;
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  return std::vector<double>(static_cast<size_t>(channels), mean);
}

Preprocess own_preprocess(const TrainOptions& options, const DataSet& data) {
  Preprocess p{.size = data.shape, .mean = data.mean, .std = data.std};
  if (one_size(data)) {
    p.crop_pct = 1;
  } else {
    const Shape& design = find_model(options.model).input_size;
    p.size.height = design[1], p.size.width = design[2];
  }
  return p;
}

}  // namespace

std::string resolve_augment(const std::string& augment, const DataSet& data) {
  const std::string word = "auto";
  if (augment != word && !augment.starts_with(word + ",")) return augment;
  const std::string more = augment.substr(word.size());
  if (!one_size(data)) return "random_resized_crop,hflip" + more;
  const int64_t side = std::min(data.shape.height, data.shape.width);
  return str("random_crop:padding=", side < 32 ? 2 : side / 8, ",hflip", more);
}

Preprocess training_preprocess(const TrainOptions& options, const DataSet& data, const ModelConfig* pretrained) {
  Preprocess p = pretrained ? pretrained->preprocess : own_preprocess(options, data);
  if (options.img_size > 0) p.size.height = p.size.width = options.img_size;
  p.size.channels = data.shape.channels;
  p.mean = for_channels(p.mean, p.size.channels);
  p.std = for_channels(p.std, p.size.channels);
  return p;
}

at::Tensor images_of(const Batch& batch, const ImageShape& size, const Network& network) {
  return wrap_images(batch.images.data(), batch.size, size.channels, size.height, size.width, network.device());
}

int loader_workers(const DataSet& data, int threads) {
  return one_size(data) ? std::max(1, threads / kThreadsPerWorker) : threads;
}

int64_t view_of_epoch(const TrainOptions& options, int64_t epoch) {
  if (options.views == 0) return epoch;
  std::vector<int64_t> order(static_cast<size_t>(options.views));
  std::iota(order.begin(), order.end(), int64_t{0});
  stream(options.seed, Purpose::view_order, static_cast<uint64_t>(epoch / options.views)).shuffle(order);
  return order[static_cast<size_t>(epoch % options.views)];
}

}  // namespace retort
