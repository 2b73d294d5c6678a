#include "model/int8_plan.h"

#include <algorithm>

#include "base/machine.h"
#include "model/ranges.h"

namespace retort {

namespace {

std::vector<float> pixels_of(const Samples& samples, const Preprocess& preprocess) {
  std::vector<float> images;
  images.reserve(static_cast<size_t>(samples.size() * preprocess.size.numel()));
  Loader loader(samples, preprocess, {.batch = 1, .workers = usable_cores()});
  loader.start(/*epoch=*/0, kPlainView);
  while (const Batch* batch = loader.next()) images.insert(images.end(), batch->images.begin(), batch->images.end());
  return images;
}

void check_images(const std::string& data, std::span<const float> images, size_t numel) {
  bool plain = true, same = true;
  for (size_t i = 0; i < images.size() && (plain || same); ++i) {
    plain &= images[i] == images[i / numel * numel];
    same &= images[i] == images[i % numel];
  }
  if (!plain && !same) return;
  fail(data, "its calibration images are all ", plain ? "of one value" : "the same",
       "; ranges cannot be learnt from them; give real images");
}

}  // namespace

std::vector<float> calibration_images(const std::string& data, const Samples& samples, const Preprocess& preprocess) {
  if (samples.size() < kFewestCalibrationImages) {
    fail(data, "has ", samples.size(), " images of train to calibrate with; expected at least ",
         kFewestCalibrationImages);
  }
  std::vector<float> images = pixels_of(samples, preprocess);
  check_images(data, images, static_cast<size_t>(preprocess.size.numel()));
  return images;
}

std::set<std::string> unknown_values(const OnnxFacts& facts) {
  std::set<std::string> names;
  for (const Int8Layer& layer : facts.int8_layers) names.insert(layer.inputs.begin(), layer.inputs.end());
  for (const auto& [name, value] : facts.int8_trained) names.erase(name);
  return names;
}

Int8Plan learn_plan(const OnnxFacts& facts, const std::filesystem::path& float32, const std::string& range,
                    std::span<const float> images, int threads) {
  std::set<std::string> pixels;
  const std::set<std::string> names = unknown_values(facts);
  for (const Int8Layer& layer : facts.int8_layers) {
    if (layer.sees_images) pixels.insert(layer.inputs[0]);
  }
  Int8Plan plan{.values = facts.int8_trained};
  if (names.empty()) return plan;
  for (auto& [name, stats] : observe(float32, {names.begin(), names.end()}, images, threads)) {
    const bool pixel = pixels.contains(name);  // whose range is what it is; none is an outlier
    const float limit = clipped_at(pixel ? "minmax" : range, stats);
    plan.values[name] = {std::max(stats.low, -limit), std::min(stats.high, limit), std::move(stats.means)};
  }
  return plan;
}

}  // namespace retort
