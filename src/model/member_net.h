/// \file member_net.h
/// One member of a Model behind one function: a network of the zoo, which LibTorch runs, or a file, which OpenVINO
/// runs.
#pragma once

#include <memory>
#include <string>

#include "model/model_files.h"
#include "retort/model.h"

namespace retort {

class MemberNet {
 public:
  virtual ~MemberNet() = default;
  /// images [n, H, W, C] to logits [n, classes]. Not thread-safe.
  virtual void run(const float* images, int64_t n, float* logits) = 0;
  /// "f32", "bf16" or "f16".
  virtual std::string precision() const = 0;
  /// Parts of a call that run at once.
  virtual int streams() const { return 1; }
  /// Null for what OpenVINO runs.
  virtual Network* network() { return nullptr; }
};

struct LoadedMember {
  std::unique_ptr<MemberNet> net;
  Model::Member member;      ///< a file's cost is without multiply-adds
  int64_t size_on_disk = 0;  ///< bytes of weights and configuration
};

/// Loads what `files.ref` means; `path` opens the error where it is no finished run. The hash is that of the weights as
/// they are: of an ensemble's member they are read for it, of a run `files` were read just now. Throws Error.
LoadedMember load_member(const std::string& path, const ModelFiles::Network& files, bool is_ensemble,
                         const ModelOptions& options, const Monitor& monitor);

}  // namespace retort
