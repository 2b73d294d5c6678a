/// \file export.h
/// Networks and whole ensembles as ONNX files, without LibTorch. docs/export.md is the newcomer's page.
#pragma once

#include <filesystem>
#include <string>

#include "retort/weights.h"

namespace retort {

struct OnnxOptions {
  /// The output is `probabilities` [N, classes] in place of `logits`.
  bool softmax = false;
  /// The input is pixels, uint8 [N, H, W, C], and normalised inside; else float32 [N, C, H, W], normalised.
  bool uint8 = false;
};

/// What the file says of itself.
struct OnnxFacts {
  ModelConfig config;
  std::string data;  ///< spec of what the model was trained or fitted on; empty where nobody knows
};

/// Writes a run, an ensemble or a model of the hub as one ONNX file (opset 17) with the input `input`, free in its
/// batch, and the output `logits` [N, classes]. Batch norms are folded into the convolutions before them; of an
/// ensemble the members lie side by side and the combiner is inside; a calibration is inside. Labels, preprocessing and
/// where it comes from are in metadata_props (docs/formats.md). The same model gives the same bytes; the file is whole
/// or not there, and replaces what was there. Throws Error on a damaged model, a usage error on combiners that ONNX has
/// no nodes for and on members that see images of different sizes. Nothing is checked by running it: see retort/ship.h.
OnnxFacts write_onnx(const std::string& model, const std::filesystem::path& file, const OnnxOptions& options = {},
                     const Monitor& monitor = {});

}  // namespace retort
