#include <cstring>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "retort/predictions.h"

namespace retort {

namespace {

constexpr int64_t kVersion = 1;
constexpr const char *kIndex = "predictions.json", *kTensors = "predictions.safetensors";
constexpr const char *kIds = "ids", *kLabels = "labels", *kLogits = "logits";

std::string hash_of(const std::map<std::string, TensorView>& tensors) {
  Sha256 hash;
  for (const auto& [name, tensor] : tensors) hash.add(name).add(tensor.bytes);
  return hash.hex();
}

template <class T>
std::vector<T> values_of(const std::string& where, const TensorView& tensor, const std::string& name, DType dtype,
                         const std::vector<int64_t>& shape) {
  if (tensor.dtype != dtype || tensor.shape != shape) {
    fail(where, "'", name, "' has another shape or type than ", kIndex, " says; the file is damaged, predict again");
  }
  std::vector<T> values(static_cast<size_t>(tensor.numel()));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

void check_ids(const std::string& where, const std::vector<uint64_t>& ids) {
  if (std::set<uint64_t>(ids.begin(), ids.end()).size() != ids.size()) {
    fail(where, "holds a sample twice; ids must be unique");
  }
}

}  // namespace

void save_predictions(const fs::path& directory, const Predictions& p) {
  p.check();
  check_ids(directory.string(), p.ids);
  std::map<std::string, TensorView> tensors = {
      {kIds, {DType::u64, {p.samples}, std::as_bytes(std::span(p.ids))}},
      {kLogits, {DType::f32, {p.count(), p.samples, p.classes}, std::as_bytes(std::span(p.logits))}}};
  if (!p.labels.empty()) tensors[kLabels] = {DType::i64, {p.samples}, std::as_bytes(std::span(p.labels))};
  const Json index = {{"retort_predictions", kVersion}, {"members", p.members},      {"samples", p.samples},
                      {"classes", p.classes},           {"split", p.split},          {"data_hash", p.data_hash},
                      {"labelled", !p.labels.empty()},  {"sha256", hash_of(tensors)}};
  make_directory(directory);
  write_safetensors(directory / kTensors, tensors);
  write_file(directory / kIndex, index.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Predictions load_predictions(const fs::path& directory) {
  const std::string where = (directory / kIndex).string();
  const Json index = parse_json(where, read_file(directory / kIndex));
  check_version(where, index, "retort_predictions", kVersion);
  Predictions p;
  p.members = get<std::vector<std::string>>(where, index, "members");
  p.samples = get<int64_t>(where, index, "samples");
  p.classes = get<int64_t>(where, index, "classes");
  p.split = get<std::string>(where, index, "split");
  p.data_hash = get<std::string>(where, index, "data_hash");
  const std::string file = (directory / kTensors).string();
  const Safetensors tensors(directory / kTensors);
  if (hash_of(tensors.tensors()) != get<std::string>(where, index, "sha256")) {
    fail(file, "does not match the SHA-256 in ", kIndex, "; one of the two is damaged, predict again");
  }
  p.ids = values_of<uint64_t>(file, tensors.at(kIds), kIds, DType::u64, {p.samples});
  if (get<bool>(where, index, "labelled")) {
    p.labels = values_of<int64_t>(file, tensors.at(kLabels), kLabels, DType::i64, {p.samples});
  }
  p.logits = values_of<float>(file, tensors.at(kLogits), kLogits, DType::f32, {p.count(), p.samples, p.classes});
  p.check();
  check_ids(where, p.ids);
  return p;
}

}  // namespace retort
