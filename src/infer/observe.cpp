#include <algorithm>
#include <cmath>
#include <functional>

#include "infer/classifier.h"
#include "retort/infer.h"

namespace retort {

namespace {

constexpr int64_t kBatch = 16;
constexpr size_t kBins = 2048;

/// One value of the network while images go through.
class Observed {
 public:
  // A value's axis of channels: 1, but the last one of images as they are given and of tokens [N, T, D].
  Observed(const ov::Output<ov::Node>& value)
      : last_(ov::is_type<ov::op::v0::Parameter>(value.get_node()) || value.get_partial_shape().size() == 3) {}

  void add_range(const ov::Tensor& tensor) {
    const std::span values(tensor.data<const float>(), tensor.get_size());
    const ov::Shape& shape = tensor.get_shape();
    const size_t axis = last_ ? shape.size() - 1 : 1, channels = shape.at(axis);
    size_t inner = 1;
    for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
    stats_.means.resize(channels);
    for (size_t start = 0, row = 0; start < values.size(); start += inner, ++row) {
      double sum = 0;
      for (const float v : values.subspan(start, inner)) {
        stats_.low = std::min(stats_.low, v), stats_.high = std::max(stats_.high, v);
        sum += v;
      }
      stats_.means[row % channels] += sum;
    }
    count_ += values.size() / channels;
  }
  void add_magnitudes(const ov::Tensor& tensor) {
    stats_.magnitudes.resize(kBins);
    const float largest = std::max({-stats_.low, stats_.high, 1e-30F});
    const float scale = static_cast<float>(kBins) / largest;
    for (const float v : std::span(tensor.data<const float>(), tensor.get_size())) {
      ++stats_.magnitudes[std::min(static_cast<size_t>(std::abs(v) * scale), kBins - 1)];
    }
  }
  ValueStats take() {
    for (double& mean : stats_.means) mean /= static_cast<double>(count_);
    return std::move(stats_);
  }

 private:
  bool last_;
  ValueStats stats_{.low = std::numeric_limits<float>::max(), .high = std::numeric_limits<float>::lowest()};
  size_t count_ = 0;  ///< of numbers a channel
};

// Calls `look` after each batch of images.
void for_all(ov::InferRequest& request, const ov::Shape& size, std::span<const float> images,
             const std::function<void()>& look) {
  const size_t numel = size[1] * size[2] * size[3];
  for (size_t start = 0; start < images.size(); start += static_cast<size_t>(kBatch) * numel) {
    const auto some = images.subspan(start, std::min(images.size() - start, static_cast<size_t>(kBatch) * numel));
    // Nothing writes to the pixels; OpenVINO has no read-only tensor.
    request.set_input_tensor(ov::Tensor(ov::element::f32, {some.size() / numel, size[1], size[2], size[3]},
                                        const_cast<float*>(some.data())));
    request.infer();
    look();
  }
}

}  // namespace

std::map<std::string, ValueStats> observe(const std::filesystem::path& file, const std::vector<std::string>& values,
                                          std::span<const float> images, int threads) {
  const Classifier c = read_classifier(file, 0, 0);
  const ImageShape& s = c.config.preprocess.size;
  const ov::Shape size{1, static_cast<size_t>(s.height), static_cast<size_t>(s.width), static_cast<size_t>(s.channels)};
  return with_openvino(file.string(), "its values could not be looked at", [&] {
    std::map<std::string, Observed> observed;
    for (const std::string& value : values) {
      observed.emplace(value, Observed(c.model->add_output(value).get_node()->input_value(0)));
    }
    ov::CompiledModel compiled = openvino_core().compile_model(c.model, "CPU", ov::inference_num_threads(threads),
                                                               ov::hint::inference_precision(ov::element::f32));
    ov::InferRequest request = compiled.create_infer_request();
    for_all(request, size, images, [&] {
      for (auto& [value, seen] : observed) seen.add_range(request.get_tensor(value));
    });
    for_all(request, size, images, [&] {
      for (auto& [value, seen] : observed) seen.add_magnitudes(request.get_tensor(value));
    });
    std::map<std::string, ValueStats> out;
    for (auto& [value, seen] : observed) out[value] = seen.take();
    return out;
  });
}

}  // namespace retort
