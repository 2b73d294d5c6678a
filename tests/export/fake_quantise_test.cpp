// What a network computes that is trained for INT8, and what its exported file computes in OpenVINO.
#include <gtest/gtest.h>

#include "export/exported.h"
#include "export/lower.h"
#include "export/quantise.h"
#include "graph/int8.h"
#include "weights/config.h"
#include "weights/onnx_metadata.h"

namespace retort {
namespace {

using namespace test;

constexpr int64_t kImages = 8;
const ImageShape kSize{3, 32, 32};

/// A network in training for INT8 that has seen some images, and its file.
class Trained {
 public:
  explicit Trained(Graph graph) : network_(without_init(std::move(graph)), {.precision = Precision::f32}) {
    fill_from_names(network_);
    network_.quantise();
    const at::NoGradGuard no_grad;
    network_.forward(wrap_images(images_.data(), kImages, 3, 32, 32, at::kCPU), /*training=*/true);
    network_.save(dir_ / "weights.safetensors");
  }
  /// Their logits by LibTorch.
  std::vector<float> logits() { return torch_logits(network_, images_, kImages, kSize); }
  /// By OpenVINO, of a file that is quantised by `layers` and `values`.
  std::vector<float> file_logits() {
    OnnxGraph out;
    out.set_input("input", OnnxType::f32, {3, 32, 32});
    const GraphWeights weights(dir_ / "weights.safetensors", network_.graph());
    const Lowered lowered = lower_graph(out, network_.graph(), weights, {3, 32, 32}, "input", "");
    values_ = lowered.trained;
    quantise(out, lowered.layers, {.values = values_});
    out.node("Identity", {lowered.logits}, "logits");
    out.set_output("logits", {network_.graph().classes});
    out.write(dir_ / "int8.onnx", "test", {{kConfigKey, config_text("test", config_of(network_.graph(), kSize))}});
    Session session(dir_ / "int8.onnx", {.threads = 1});
    for (const SessionLayer& layer : session.layers()) EXPECT_EQ(layer.precision, "int8") << layer.name;
    return session_logits(session, images_, kImages);
  }
  const Int8Plan::Value& value(const std::string& name) const { return values_.at(name); }
  const Network& network() const { return network_; }

 private:
  TempDir dir_;
  Network network_;
  std::vector<float> images_ = some_images(kImages, kSize);
  std::map<std::string, Int8Plan::Value> values_;
};

// relu(norm(conv)), a residual branch of a depthwise convolution, and a head.
Graph shallow() {
  GraphBuilder b("shallow", 3, 5);
  int x = b.batch_norm(b.conv2d(b.input(), "stem", {.out = 8, .kernel = 3, .stride = 2, .padding = 1}), "stem_norm");
  x = b.apply(Op::relu, "stem_act", {x});
  const int branch = b.batch_norm(
      b.conv2d(x, "branch", {.out = 8, .kernel = 3, .padding = 1, .groups = 8, .bias = true}), "branch_norm");
  x = b.apply(Op::hard_swish, "act", {b.apply(Op::add, "sum", {branch, x})});
  b.linear(b.apply(Op::flatten, "flat", {b.apply(Op::global_avg_pool, "pool", {x})}), "head", 5);
  return b.finish("stem", "head");
}

TEST(TrainedForInt8, ComputesWhatItsFileDoesWithinAStepOfWhatTheHeadReads) {
  Trained trained(shallow());
  const std::vector<float> expected = trained.logits(), logits = trained.file_logits();
  const Int8Plan::Value& flat = trained.value("/flat");
  const float step = int8_steps({flat.low, flat.high}).scale;
  const at::Tensor weight = trained.network().parameters().at(trained.network().parameters().size() - 2).tensor;
  const double allowed = step * weight.abs().sum(1).max().item<double>();
  for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], allowed);
}

/// Deeper ones, where a value that rounds to the other of two steps changes those after it.
class TrainedBackbone : public testing::TestWithParam<const char*> {};

TEST_P(TrainedBackbone, ComputesAboutWhatItsFileDoes) {
  Trained trained(build_model(GetParam(), 10, 3));
  EXPECT_LT(relative_error(trained.file_logits(), trained.logits()), 0.04);
}

INSTANTIATE_TEST_SUITE_P(FakeQuantise, TrainedBackbone,
                         testing::Values("resnet20", "vgg8", "wrn_16_2", "mobilenetv2_half", "mobilenetv3_small_050",
                                         "convnext_atto"));

}  // namespace
}  // namespace retort
