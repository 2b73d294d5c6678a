// Exported files, run in OpenVINO, against LibTorch.
#include <gtest/gtest.h>

#include <map>

#include "export/exported.h"
#include "export/lower.h"
#include "weights/config.h"
#include "weights/onnx_metadata.h"

namespace retort {
namespace {

using namespace test;

constexpr int64_t kImages = 3;
constexpr double kTolerance = 2e-5;  // of the largest logit: float32 in another order

// Writes a graph that is not in the zoo.
fs::path write_graph(const fs::path& file, const Graph& graph, const fs::path& weights, const ModelConfig& config) {
  OnnxGraph out;
  const ImageShape& s = config.preprocess.size;
  out.set_input("input", OnnxType::f32, {s.channels, s.height, s.width});
  const GraphWeights numbers(weights, graph);
  const std::string logits = lower_graph(out, graph, numbers, {s.channels, s.height, s.width}, "input", "").logits;
  out.node("Identity", {logits}, "logits");
  out.set_output("logits", {graph.classes});
  out.write(file, graph.architecture, {{kConfigKey, config_text("test", config)}});
  return file;
}

class EveryOperation : public testing::TestWithParam<Graph (*)()> {};

TEST_P(EveryOperation, ComputesWhatLibTorchDoes) {
  const TempDir dir;
  const Graph graph = GetParam()();
  const ImageShape size{2, 9, 7};
  const ModelConfig config = config_of(graph, size);
  Network network(without_init(graph), {});
  const fs::path run = test::write_run(dir / "run", network, config);
  Session session(write_graph(dir / "graph.onnx", graph, weights_path(run), config), {.threads = 1});
  const std::vector<float> images = some_images(kImages, size);
  EXPECT_LT(relative_error(session_logits(session, images, kImages), torch_logits(network, images, kImages, size)),
            kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Parity, EveryOperation, testing::Values(tiny_graph, tiny_transformer));

// The member of each family with the fewest parameters.
std::map<std::string, ModelInfo> smallest_of_families() {
  std::map<std::string, std::pair<int64_t, ModelInfo>> smallest;
  for (const ModelInfo& info : list_models()) {
    int64_t size = 0;
    for (const Parameter& p : build_model(info.name, 10, info.input_size[0]).parameters) {
      int64_t numel = 1;
      for (const int64_t d : p.shape) numel *= d;
      size += numel;
    }
    const auto it = smallest.find(info.family);
    if (it == smallest.end() || size < it->second.first) smallest[info.family] = {size, info};
  }
  std::map<std::string, ModelInfo> out;
  for (const auto& [family, entry] : smallest) out[family] = entry.second;
  return out;
}

// Exports the backbone, filled from names, at a small size and expects LibTorch's logits.
void expect_parity(const ModelInfo& info, const fs::path& directory) {
  SCOPED_TRACE(info.name);
  const int64_t side = info.input_size[1] >= 128 ? 64 : 32;
  const ImageShape size{info.input_size[0], side, side};
  Network network(without_init(build_model(info.name, 10, size.channels, side)), {});
  const fs::path run = test::write_run(directory / info.name, network, config_of(network.graph(), size));
  const fs::path file = directory / (info.name + ".onnx");
  OnnxExport(run.string()).write(file);
  Session session(file, {.threads = 1});
  const std::vector<float> images = some_images(2, size);
  EXPECT_LT(relative_error(session_logits(session, images, 2), torch_logits(network, images, 2, size)), kTolerance);
  fs::remove_all(run);
}

TEST(Parity, OneBackboneOfEachFamily) {
  const TempDir dir;
  for (const auto& [family, info] : smallest_of_families()) expect_parity(info, dir.path());
}

// Takes minutes and gigabytes: export_test --gtest_also_run_disabled_tests --gtest_filter=*EveryBackbone. The files
// stay in exported/, for tools/onnx_check.py.
TEST(Parity, DISABLED_EveryBackbone) {
  for (const ModelInfo& info : list_models()) expect_parity(info, "exported");
}

}  // namespace
}  // namespace retort
