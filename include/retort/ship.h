/// \file ship.h
/// An artefact that leaves the house: exported, checked against the original by running both, and only then written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "retort/export.h"

namespace retort {

struct ShipOptions {
  std::string model;            ///< a run, an ensemble or a model of the hub
  std::string format = "onnx";  ///< "onnx", or "openvino": an .xml and the .bin beside it
  std::filesystem::path out;    ///< must be new
  /// Empty: `out` is the file. Else `out` is a directory of this layout: "ovms" and "triton" with the file as
  /// 1/model.onnx, which makes it a model of either server's repository, "hf" with config.json beside model.onnx.
  std::string layout;
  OnnxOptions onnx;
  std::string data;          ///< images for the check; "" is what the model was trained on
  int64_t samples = 128;     ///< how many of them, at least 64
  bool skip_broken = false;  ///< look for images that cannot be read, and leave them out; else they are errors
  int threads = 0;           ///< 0 is all usable cores
};

struct ShipResult {
  std::filesystem::path file;
  int64_t size_on_disk = 0;  ///< bytes
  std::string sha256;        ///< session_file_hash
  std::string data, split;   ///< of the images of the check
  int64_t samples = 0;
  double largest_difference = 0;  ///< of a logit, or with OnnxOptions::softmax of a probability
};

/// Exports the model, runs the new file in OpenVINO and the original in LibTorch, both in float32, on real images of
/// val (of train where val has fewer than 64; nothing is fitted), and gives the file its name if no number differs by
/// more than 1e-3 and no decision changes. Throws Error and leaves nothing where it does, where the model is damaged or
/// the monitor stops it; usage errors where `out` exists or does not end as its format does, where too
/// few images are asked for, and as write_onnx does. The calling thread keeps `threads`.
ShipResult ship(const ShipOptions& options, const Monitor& monitor = {});

}  // namespace retort
