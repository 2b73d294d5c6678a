// A network's parameters and buffers as a safetensors file.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/safetensors.h"
#include "retort/network.h"

namespace retort {

namespace {

constexpr size_t kMostNames = 6;  // in one line of an error

// A copy of the tensor in the file, for `target`. Throws Error where its numbers are of another kind.
at::Tensor read_tensor(const std::string& where, const TensorView& view, const NamedTensor& target) {
  const bool whole = target.tensor.scalar_type() == at::kLong;
  at::ScalarType dtype = at::kLong;
  if (!whole && view.dtype == DType::f32) {
    dtype = at::kFloat;
  } else if (!whole && view.dtype == DType::f16) {
    dtype = at::kHalf;
  } else if (!whole && view.dtype == DType::bf16) {
    dtype = at::kBFloat16;
  } else if (!whole || view.dtype != DType::i64) {
    fail(where, "tensor '", target.name, "' is ", dtype_name(view.dtype), "; expected ",
         whole ? "I64" : "F32, F16 or BF16", "; convert the file");
  }
  at::Tensor copy = at::empty(view.shape, dtype);  // the file need not align its tensors
  std::memcpy(copy.mutable_data_ptr(), view.bytes.data(), copy.nbytes());
  return copy;
}

std::string some(const std::vector<std::string>& names) {
  const std::vector<std::string> first(names.begin(), names.begin() + std::min(names.size(), kMostNames));
  return join(first) + (names.size() > kMostNames ? str(" and ", names.size() - kMostNames, " more") : "");
}

std::string shape_text(c10::IntArrayRef shape) { return retort::str(shape); }

// A name from a file, for one line of an error.
std::string printable(std::string name) {
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return name.size() > 80 ? name.substr(0, 80) + "..." : name;
}

// "; missing: a, b; extra: c": what keeps the file from being this network's, or nothing.
std::string differences(const Safetensors& file, const std::vector<NamedTensor>& wanted) {
  std::vector<std::string> missing, misshapen, extra;
  std::set<std::string> names;
  for (const auto& [name, tensor] : wanted) {
    names.insert(name);
    const auto it = file.tensors().find(name);
    if (it == file.tensors().end()) {
      missing.push_back(name);
    } else if (tensor.sizes() != c10::IntArrayRef(it->second.shape)) {
      misshapen.push_back(retort::str(name, " ", shape_text(it->second.shape), " for ", shape_text(tensor.sizes())));
    }
  }
  for (const auto& [name, view] : file.tensors()) {
    if (!names.contains(name)) extra.push_back(printable(name));
  }
  std::string text;
  if (!missing.empty()) text += "; missing: " + some(missing);
  if (!extra.empty()) text += "; extra: " + some(extra);
  if (!misshapen.empty()) text += "; of another shape: " + some(misshapen);
  return text;
}

}  // namespace

void Network::load(const std::filesystem::path& path) {
  const Safetensors file(path);
  std::vector<NamedTensor> all = parameters_;
  all.insert(all.end(), buffers_.begin(), buffers_.end());
  const std::string wrong = differences(file, all);
  if (!wrong.empty()) fail(path.string(), "these are not the weights of ", graph_.architecture, wrong);
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> values;  // all are read before any is changed
  for (const NamedTensor& target : all) values.push_back(read_tensor(path.string(), file.at(target.name), target));
  for (size_t i = 0; i < all.size(); ++i) all[i].tensor.copy_(values[i]);
}

void Network::save(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> kept;  // contiguous copies that the views point into
  std::map<std::string, TensorView> views;
  for (const auto* list : {&parameters_, &buffers_}) {
    for (const auto& [name, tensor] : *list) {
      kept.push_back(tensor.detach().to(at::kCPU).contiguous());
      const at::Tensor& t = kept.back();
      views[name] = {t.scalar_type() == at::kLong ? DType::i64 : DType::f32,
                     t.sizes().vec(),
                     {static_cast<const std::byte*>(t.const_data_ptr()), t.nbytes()}};
    }
  }
  write_safetensors(path, views, metadata);
}

}  // namespace retort
