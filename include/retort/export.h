/// \file export.h
/// Networks and whole ensembles as ONNX files, without LibTorch. docs/export.md is the newcomer's page.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "retort/weights.h"

namespace retort {

/// A part of the network that can be computed in INT8: a convolution, a product with weights, the sum that ends a
/// residual branch, a global average.
struct Int8Layer {
  std::string name;
  std::vector<std::string> inputs;  ///< values that it reads, but for weights
  bool sees_images = false;         ///< these are images
};

/// How a network is quantised to INT8 (statically): what INT8 keeps of each value, and which layers are
/// left in float32.
struct Int8Plan {
  struct Value {
    float low = 0, high = 0;    ///< what lies outside is clipped
    std::vector<double> means;  ///< per channel, with which biases are corrected; empty: they are not
  };
  std::map<std::string, Value> values;  ///< of all that layers read
  std::set<std::string> skip;           ///< layers
};

struct OnnxOptions {
  /// The output is `probabilities` [N, classes] in place of `logits`.
  bool softmax = false;
  /// The input is pixels, uint8 [N, H, W, C], and normalised inside; else float32 [N, C, H, W], normalised.
  bool uint8 = false;
  bool calibrated = true;  ///< the model's calibration is inside, where it has one
};

/// What the file says of itself.
struct OnnxFacts {
  ModelConfig config;
  std::vector<Int8Layer> int8_layers;                   ///< of all networks
  std::map<std::string, Int8Plan::Value> int8_trained;  ///< of networks that were trained for INT8: what to take
  std::string data;  ///< spec of what the model was trained or fitted on; empty where nobody knows
};

/// A run, an ensemble or a model of the hub, read once, as ONNX files (opset 17) with the input `input`, free in its
/// batch, and the output `logits` [N, classes]. Batch norms are folded into the convolutions before them; of an
/// ensemble the members lie side by side and the combiner is inside; a calibration is inside. Labels, preprocessing and
/// where it comes from are in metadata_props (docs/formats.md). Nothing is checked by running it: see retort/ship.h.
class OnnxExport {
 public:
  /// Throws Error on a damaged model, a usage error on members that see images of different sizes.
  explicit OnnxExport(const std::string& model, const OnnxOptions& options = {}, const Monitor& monitor = {});
  ~OnnxExport();
  OnnxExport(OnnxExport&&) noexcept;

  const OnnxFacts& facts() const;
  /// The same model gives the same bytes; the file is whole or not there, and replaces what was there. With a plan in
  /// INT8, as pairs of QuantizeLinear and DequantizeLinear; a combiner stays in float32. Throws a usage error on
  /// combiners that ONNX has no nodes for and on a plan that is not for this model, Error where it cannot be written.
  void write(const std::filesystem::path& file, const std::optional<Int8Plan>& int8 = std::nullopt) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace retort
