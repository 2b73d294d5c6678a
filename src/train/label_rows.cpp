#include "train/label_rows.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "losses/features.h"
#include "losses/taps.h"
#include "retort/network.h"
#include "train/input.h"

namespace retort {

namespace {

Shape input_of(const Model& model, int64_t member) {
  const ImageShape& size = model.member(member).config.preprocess.size;
  return {size.channels, size.height, size.width};
}

// The module that is meant.
std::string module_of(const Graph& graph, const Shape& input, const std::string& tap) {
  return tap == kEmbeddingTap ? default_taps(graph, input, Look::embedding)[0] : tap;
}

void append(std::vector<float>& rows, const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kCPU, at::kFloat).contiguous();
  rows.insert(rows.end(), flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel());
}

// Logits and features, by their modules, of one batch.
void look(Model& model, const std::vector<std::string>& modules, const Batch& batch, LabelRows& rows) {
  if (modules.empty()) {
    const size_t before = rows.logits.size();
    rows.logits.resize(before + static_cast<size_t>(batch.size * model.classes()));
    const float* images = batch.images.data();
    return model.member_logits({&images, 1}, batch.size, rows.logits.data() + before);
  }
  const at::NoGradGuard no_grad;
  Network& network = model.network(0);
  Taps taps;
  for (const std::string& module : modules) taps[module];
  const ImageShape& size = model.member(0).config.preprocess.size;
  append(rows.logits, network.forward(images_of(batch, size, network), /*training=*/false, &taps));
  rows.features.resize(modules.size());
  for (size_t f = 0; f < modules.size(); ++f) {
    append(rows.features[f], pooled(as_map(taps.at(modules[f]).to(at::kFloat))));
  }
}

}  // namespace

std::vector<LabelsInfo::Feature> find_features(Model& model, int64_t member, const std::vector<std::string>& taps) {
  std::vector<LabelsInfo::Feature> features;
  if (taps.empty()) return features;
  const Graph& graph = model.network(member).graph();
  const Shape input = input_of(model, member);
  const std::vector<Shape> shapes = infer_shapes(graph, input);
  for (const std::string& tap : taps) {
    const std::string module = module_of(graph, input, tap);
    check_taps("label --features", {module}, {.graph = &graph, .input = input});
    features.push_back({tap, map_shape(shapes[static_cast<size_t>(graph.tap(module))])[0]});
  }
  return features;
}

LabelRows label_rows(Model& model, const std::vector<LabelsInfo::Feature>& features, const Samples& samples,
                     const PredictOptions& how, const Monitor& monitor) {
  Loader loader(samples, model.inputs().front().preprocess,
                {.batch = how.batch,
                 .seed = how.seed,
                 .augment = how.augment,
                 .mix_with = how.mix_with,
                 .workers = at::get_num_threads()});
  loader.start(/*epoch=*/0, how.view);
  std::vector<std::string> modules;
  for (const LabelsInfo::Feature& feature : features) {
    modules.push_back(module_of(model.network(0).graph(), input_of(model, 0), feature.tap));
  }
  LabelRows rows;
  rows.logits.reserve(static_cast<size_t>(samples.size() * model.classes()));
  while (const Batch* batch = monitor.stopping() ? nullptr : loader.next()) {
    look(model, modules, *batch, rows);
    rows.samples += batch->size;
    monitor.tell({"label with " + model.name(), rows.samples, samples.size(), "images", samples.split});
  }
  return rows;
}

}  // namespace retort
