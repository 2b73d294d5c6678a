/// \file network.h
/// Runs a Graph with LibTorch. Sources that use it include the single at:: operations they need.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "retort/graph.h"

namespace retort {

/// How numbers are kept while a network runs. `automatic` takes bf16 for transformers and nets of dense convolutions
/// where the device multiplies it in hardware, and float32 for nets with depthwise ones, whose bf16 backward is several
/// times slower on CPUs. bf16 is autocast: parameters, norms and losses stay float32.
enum class Precision { automatic, f32, bf16 };
/// `auto`, `f32`, `bf16`. Throws a usage error on anything else.
Precision parse_precision(const std::string& text);
std::string precision_name(Precision precision);

struct NetworkOptions {
  std::string device = "cpu";  ///< "cpu", "cuda", "cuda:1", ... as LibTorch spells them
  Precision precision = Precision::automatic;
  uint64_t seed = 0;  ///< of the initial parameters
  /// Off: parameters hold nothing until load(), which saves computing initial values that it overwrites.
  bool fill = true;
};

/// How a file of weights may differ from the network that it is loaded into.
struct LoadOptions {
  /// For weights that training goes on from. A classifier of another number of classes keeps its initial values; a
  /// first convolution of another number of channels is adapted as timm's adapt_input_conv does. Off: only a position
  /// embedding may differ, which is resampled for other sizes of images.
  bool pretrained = false;
};

/// A parameter or a buffer, by timm's name.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// Feature maps [N, C, H, W], token sequences [N, T, D] and vectors [N, C] that were asked for, by the names that
/// Graph::tap takes.
using Taps = std::map<std::string, at::Tensor>;

class FakeQuantiser;
class PlanCache;

/// A graph with its parameters. Not thread-safe; different networks may run on different threads at once.
class Network {
 public:
  /// Parameters are filled by the rules in the graph, as a pure function of seed and name. Throws a usage error on a
  /// device that this LibTorch does not have.
  Network(Graph graph, const NetworkOptions& options);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  /// images [N, C, H, W] float32, channels-last for speed -> logits [N, classes] float32. `training` updates running
  /// statistics, but those of batch norms whose weight asks for no gradient, which are used instead; gradients are kept
  /// unless the caller holds a c10::InferenceMode or at::NoGradGuard. Names that `taps` already holds as keys are
  /// filled.
  at::Tensor forward(const at::Tensor& images, bool training, Taps* taps = nullptr);

  const Graph& graph() const { return graph_; }
  const at::Device& device() const { return device_; }
  /// What `automatic` became.
  Precision precision() const { return precision_; }
  /// Trainable parameters, in the graph's order.
  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  /// Running statistics.
  const std::vector<NamedTensor>& buffers() const { return buffers_; }

  /// Copies a safetensors file (F32, F16 or BF16) into parameters and buffers. Returns lines for the user: what was
  /// adapted or made anew, and which tensors hold NaN or infinite values. Throws Error that lists missing, extra and
  /// misshapen tensors, and leaves the network as it was.
  std::vector<std::string> load(const std::filesystem::path& file, const LoadOptions& options = {});
  /// From now on it computes in float32 what its export in INT8 will (docs/export.md): weights and values are rounded,
  /// with gradients that pass straight through, and norms use their running statistics in training too. Each forward in
  /// training moves the ranges of values to what it sees. Nodes run by LibTorch alone. Throws a usage error in bf16.
  void quantise();
  /// The same with the ranges that such a network has saved with its weights. Throws Error where there are none.
  void quantise(const std::filesystem::path& weights);
  /// The ranges, for checkpoints; none where it is not quantised.
  std::vector<NamedTensor> ranges() const;

  /// Writes all of them, atomically, contiguous in NCHW, with the ranges in the metadata where there are any.
  void save(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata = {}) const;

 private:
  at::Tensor run_graph(const at::Tensor& images, bool training, Taps* taps);

  Graph graph_;
  at::Device device_;
  Precision precision_;
  uint64_t seed_;
  bool filled_;
  std::vector<NamedTensor> parameters_, buffers_;
  std::vector<at::Tensor> by_index_;  ///< all of them, as Graph::parameters counts
  bool planned_;                      ///< whether nodes may run otherwise than by LibTorch
  std::unique_ptr<PlanCache> plans_;
  std::unique_ptr<FakeQuantiser> quantiser_;  ///< null: plain numbers
};

/// Wraps pixels [N, H, W, C] as a channels-last tensor [N, C, H, W] without a copy on the CPU; nothing may write to it.
at::Tensor wrap_images(const float* pixels, int64_t n, int64_t channels, int64_t height, int64_t width,
                       const at::Device& device);

/// Threads that the calling thread's operations use from now on.
void set_threads(int threads);

}  // namespace retort
