#include <ATen/Parallel.h>

#include <algorithm>

#include "retort/model.h"

namespace retort {

namespace {

Predictions empty_predictions(const Model& model, const Samples& samples) {
  Predictions p;
  for (int64_t m = 0; m < model.members(); ++m) {
    p.members.push_back(model_name(model.member(m).path));
  }
  p.classes = model.classes();
  p.split = samples.split;
  p.ids.reserve(static_cast<size_t>(samples.size()));
  p.labels.reserve(static_cast<size_t>(samples.size()));
  return p;
}

// A stopped prediction has `p.samples` of `planned`: closes the gaps between the members.
void shrink(Predictions& p, int64_t planned) {
  const auto row = [&](int64_t samples) { return p.logits.begin() + samples * p.classes; };
  for (int64_t m = 1; m < p.count() && p.samples < planned; ++m) {
    std::copy(row(m * planned), row(m * planned + p.samples), row(m * p.samples));
  }
  p.logits.resize(static_cast<size_t>(p.count() * p.samples * p.classes));
}

// A loader for each of the model's inputs, all at the same batch.
class Lockstep {
 public:
  Lockstep(const Model& model, const Samples& samples, const PredictOptions& options) {
    for (const Model::Input& input : model.inputs()) {
      loaders_.emplace_back(samples, input.preprocess,
                            LoaderOptions{.batch = options.batch,
                                          .seed = options.seed,
                                          .augment = options.augment,
                                          .mix_with = options.mix_with,
                                          .workers = at::get_num_threads()});  // files are slower than many networks
      loaders_.back().start(/*epoch=*/0, options.view);
    }
  }

  /// The next batch as the first input sees it, or null at the end; images() has all of them.
  const Batch* next() {
    images_.clear();
    const Batch* first = nullptr;
    for (Loader& loader : loaders_) {
      const Batch* batch = loader.next();
      if (!batch) return nullptr;
      if (!first) first = batch;
      images_.push_back(batch->images.data());
    }
    return first;
  }
  std::span<const float* const> images() const { return images_; }

 private:
  std::vector<Loader> loaders_;
  std::vector<const float*> images_;
};

// Predictions of samples without labels have none.
void add_samples(Predictions& p, const Batch& batch, const Samples& samples) {
  for (const int64_t position : batch.positions) p.ids.push_back(samples.id(position));
  if (std::find(batch.labels.begin(), batch.labels.end(), kNoLabel) == batch.labels.end()) {
    p.labels.insert(p.labels.end(), batch.labels.begin(), batch.labels.end());
  }
  p.samples += batch.size;
}

}  // namespace

Predictions predict(Model& model, const Samples& samples, const PredictOptions& options, const Monitor& monitor) {
  if (options.batch < 1) fail_usage("predict", "batch is ", options.batch, "; expected at least 1");
  const int64_t planned = samples.size();
  Predictions p = empty_predictions(model, samples);
  p.logits.resize(static_cast<size_t>(p.count() * planned * p.classes));
  std::vector<float> part;
  Lockstep loaders(model, samples, options);
  while (p.samples < planned && !monitor.stopping()) {
    const Batch* batch = loaders.next();
    if (!batch) break;
    part.resize(static_cast<size_t>(p.count() * batch->size * p.classes));
    model.member_logits(loaders.images(), batch->size, part.data());
    for (int64_t m = 0; m < p.count(); ++m) {
      std::copy_n(part.begin() + m * batch->size * p.classes, batch->size * p.classes,
                  p.logits.begin() + (m * planned + p.samples) * p.classes);
    }
    add_samples(p, *batch, samples);
    monitor.tell({"predict " + model.name(), p.samples, planned, "images", samples.split});
  }
  shrink(p, planned);
  return p;
}

Predictions predict(Model& model, const DataSet& data, const Samples& samples, const PredictOptions& options,
                    const Monitor& monitor) {
  model.check_fits(data);
  Predictions p = predict(model, samples, options, monitor);
  p.data_hash = data.hash;
  return p;
}

}  // namespace retort
