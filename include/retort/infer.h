/// \file infer.h
/// Runs ONNX and OpenVINO files with OpenVINO: Retort's own, and any classifier's. Knows nothing of LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "retort/weights.h"

namespace retort {

struct SessionOptions {
  int threads = 0;  ///< of all streams together; 0 is all usable cores (affinity mask and cgroup quota)
  int streams = 1;  ///< calls that run at once, each on its share of the threads
  /// "f32", "bf16" or "f16", what convolutions and products of matrices are computed in; "auto" is bf16 where the
  /// processor multiplies it in hardware, else f32. OpenVINO falls back to f32 where it has no such kernel.
  std::string precision = "f32";
  int64_t batch = 0;            ///< compiled for calls of exactly so many images, which is faster; 0: any number
  int64_t img_size = 0;         ///< side of the images, where the file leaves it open; 0: as its preprocessing says
  std::filesystem::path cache;  ///< directory of compiled models, made where it is not there; empty: none
};

/// SHA-256 of the file; of an .xml also of its .bin. Throws Error.
std::string session_file_hash(const std::filesystem::path& file);

/// A convolution or a product of matrices as it was compiled.
struct SessionLayer {
  std::string name;       ///< of the nodes that became it, by commas
  std::string precision;  ///< "f32", "bf16", "f16", or "int8" where it multiplies integers
};

/// A classifier from a file, compiled for this machine. All methods are thread-safe.
///
/// Its output is found by shape: the only one [N, classes]; softmax at its end is undone. Preprocessing and labels are
/// the file's metadata (docs/formats.md), or those of timm's `config.json` beside it.
class Session {
 public:
  /// Throws Error where the file cannot be read as a model, has several inputs, several outputs that could be the
  /// classifier's, a fixed batch, sizes, channels or classes that contradict the preprocessing, or has no
  /// preprocessing; throws a usage error on bad options.
  explicit Session(const std::filesystem::path& file, const SessionOptions& options = {});
  ~Session();
  Session(Session&&) noexcept;

  /// Preprocessing, classes and labels; of a file that takes pixels the mean is 0 and the deviation 1 / 255.
  const ModelConfig& config() const;
  /// Retort's own account of where the file comes from, JSON; empty in others' files.
  const std::string& provenance() const;
  /// What it really runs in: "f32", "bf16", "f16"; "int8" where any layer does.
  const std::string& precision() const;
  /// Convolutions and products of matrices, in the order in which they run.
  std::vector<SessionLayer> layers() const;
  /// Numbers in arrays of floats and INT8, which are the weights.
  int64_t parameters() const;
  /// Bytes of the file; of an .xml also of its .bin.
  int64_t size_on_disk() const;

  /// images [n, H, W, C], as the preprocessing makes them, to finite logits [n, classes]. Waits for a free stream.
  /// Throws Error.
  void run(const float* images, int64_t n, float* logits);
  /// The same without waiting for the end: the buffers must stay until the future is ready, which holds the error.
  std::future<void> start(const float* images, int64_t n, float* logits);
  /// Any number of images, `batch` at a time over all streams.
  void run_batches(const float* images, int64_t n, int64_t batch, float* logits);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a value inside a network was over some images.
struct ValueStats {
  float low = 0, high = 0;
  std::vector<double> means;        ///< per channel
  std::vector<int64_t> magnitudes;  ///< a histogram: how many in each of equal bins from 0 to the largest magnitude
};

/// Runs the file in float32 on `images`, [n, H, W, C] one after another, and looks at the values of these names.
/// Throws Error, also where there is no such value.
std::map<std::string, ValueStats> observe(const std::filesystem::path& file, const std::vector<std::string>& values,
                                          std::span<const float> images, int threads);

/// Rewrites an ONNX file as OpenVINO's `xml` and the `.bin` beside it, weights in float32, all metadata kept and those
/// of OpenVINO's Model API added. Replaces what was there. Throws Error.
void write_openvino(const std::filesystem::path& onnx, const std::filesystem::path& xml);

}  // namespace retort
