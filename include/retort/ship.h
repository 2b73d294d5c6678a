/// \file ship.h
/// An artefact that leaves the house: exported, checked against the original by running both, and only then written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/export.h"
#include "retort/infer.h"
#include "retort/metrics.h"

namespace retort {

/// How an export in INT8 is made: post-training static quantisation.
struct Int8Options {
  /// How much of each value's range is kept: "percentile" (99.99% of magnitudes), "minmax" or "entropy".
  std::string range = "percentile";
  int64_t samples = 300;    ///< images of train that ranges are learnt from, at least 32
  double max_loss = 0.003;  ///< of accuracy on val: where more is lost, layers are left in float32, the worst first
};

struct Int8Accuracy {
  std::string split;
  int64_t samples = 0;
  double before = 0, after = 0;  ///< in float32, in INT8
  Change change;                 ///< after - before
  double agreement = 0;          ///< share of samples for which both decide alike
};

struct Int8Report {
  std::vector<std::string> skipped;  ///< layers left in float32, as Int8Plan names them
  int64_t calibration_images = 0;    ///< 0 where all ranges are known from training
  /// Where they are: the file against the network as it was trained, on the images of the check.
  struct Trained {
    int64_t changed = 0;            ///< decisions
    double largest_difference = 0;  ///< of a probability
  };
  std::optional<Trained> trained;
  std::vector<Int8Accuracy> accuracy;  ///< on val, and on test where there is one
  std::vector<SessionLayer> layers;    ///< what each runs in on this machine
};

struct ShipOptions {
  std::string model;            ///< a run, an ensemble or a model of the hub
  std::string format = "onnx";  ///< "onnx", or "openvino": an .xml and the .bin beside it
  std::filesystem::path out;    ///< must be new
  /// Empty: `out` is the file. Else `out` is a directory of this layout: "ovms" and "triton" with the file as
  /// 1/model.onnx, which makes it a model of either server's repository, "hf" with config.json beside model.onnx.
  std::string layout;
  std::string precision = "f32";  ///< or "int8", by ranges from training (`distill --quantize int8`) or as `int8` says
  Int8Options int8 = {};
  OnnxOptions onnx = {};
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
  std::optional<Int8Report> int8;
};

/// Exports the model, runs the new file in OpenVINO and the original in LibTorch, both in float32, on real images of
/// val (of train where val has fewer than 64; nothing is fitted), and gives the file its name if no number differs by
/// more than 1e-3 and no decision changes. Throws Error and leaves nothing where it does, where the model is damaged or
/// the monitor stops it; usage errors where `out` exists or does not end as its format does, where too
/// few images are asked for, and as OnnxExport does. In INT8 that check is of the same model in float32 on the way; the
/// file then is held against it by accuracy on val (nothing is chosen on test), and nothing is written where more is
/// lost than allowed with half of the layers in float32, or calibration images are too few or all alike. The calling
/// thread keeps `threads`.
ShipResult ship(const ShipOptions& options, const Monitor& monitor = {});

}  // namespace retort
