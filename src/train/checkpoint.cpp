#include "train/checkpoint.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include "base/hash.h"

namespace retort {

namespace {

constexpr int64_t kVersion = 2;  // 1 had no sum of the label term
constexpr const char *kVersionKey = "retort_checkpoint", *kStateKey = "state", *kHashKey = "sha256";
constexpr const char* kStartAgain = "; start again with another --out";

DType dtype_of(const std::string& name, const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat) return DType::f32;
  if (tensor.scalar_type() == at::kLong) return DType::i64;
  fail("checkpoint", "tensor '", name, "' is of a type that checkpoints do not keep");
}

// In the order of names, so that it does not depend on how the file lies.
std::string hash_of(const std::map<std::string, TensorView>& tensors, const std::string& state) {
  Sha256 hash;
  hash.add(state);
  for (const auto& [name, tensor] : tensors) hash.add(name).add(tensor.bytes);
  return hash.hex();
}

std::string metadata(const std::string& where, const Safetensors& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end()) fail(where, "has no '", key, "'; it is no checkpoint, or damaged", kStartAgain);
  return it->second;
}

}  // namespace

fs::path checkpoint_path(const fs::path& run) { return run / "checkpoint" / "state.safetensors"; }

void write_checkpoint(const fs::path& run, const std::vector<NamedTensor>& tensors, const Json& state) {
  std::vector<at::Tensor> kept;  // what the views look at
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.detach().to(at::kCPU).contiguous());
    const at::Tensor& t = kept.back();
    const auto* bytes = static_cast<const std::byte*>(t.const_data_ptr());
    views[name] = {dtype_of(name, t), t.sizes().vec(), {bytes, t.nbytes()}};
  }
  const std::string text = state.dump();
  make_directory(checkpoint_path(run).parent_path());
  write_safetensors(checkpoint_path(run), views,
                    {{kVersionKey, str(kVersion)}, {kStateKey, text}, {kHashKey, hash_of(views, text)}});
}

Checkpoint::Checkpoint(const fs::path& run) : where_(checkpoint_path(run).string()), file_(checkpoint_path(run)) {
  const std::string version = metadata(where_, file_, kVersionKey);
  if (version != str(kVersion)) {
    fail(where_, "is a checkpoint of version ", version, "; this build reads version ", kVersion,
         "; use the retort that wrote it");
  }
  const std::string text = metadata(where_, file_, kStateKey);
  if (hash_of(file_.tensors(), text) != metadata(where_, file_, kHashKey)) {
    fail(where_, "does not match its own SHA-256; the checkpoint is damaged", kStartAgain);
  }
  state_ = parse_json(where_, text);
}

void Checkpoint::load(const std::vector<NamedTensor>& tensors) const {
  for (const auto& [name, tensor] : tensors) {
    const TensorView& view = file_.at(name);
    if (view.dtype != dtype_of(name, tensor) || view.shape != tensor.sizes().vec()) {
      fail(where_, "tensor '", name, "' has another shape or type than the network asks for; the checkpoint is of ",
           "another model", kStartAgain);
    }
  }
  if (file_.tensors().size() != tensors.size()) {
    fail(where_, "has ", file_.tensors().size(), " tensors; expected ", tensors.size(),
         "; the checkpoint is of another model", kStartAgain);
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const TensorView& view = file_.at(name);
    auto* data = const_cast<std::byte*>(view.bytes.data());  // only read
    tensor.copy_(at::from_blob(data, view.shape, at::TensorOptions().dtype(tensor.dtype())));
  }
}

}  // namespace retort
