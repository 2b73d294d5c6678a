#include "predictions/shard.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <deque>
#include <numeric>

#include "base/half.h"
#include "base/softmax.h"

namespace retort {

namespace {

constexpr const char* kLogits = "logits";
constexpr const char* kIndices = "indices";
constexpr const char* kRest = "rest";
constexpr const char* kCoreSeconds = "core_seconds";
constexpr float kLargestHalf = 65504;
constexpr int64_t kMostShort = int64_t{1} << 16;  // classes that 16 bits can name

size_t size(int64_t i) { return static_cast<size_t>(i); }

int64_t kept_of(const LabelsInfo& info) { return info.top > 0 ? info.top : info.classes; }
DType index_type(const LabelsInfo& info) { return info.classes <= kMostShort ? DType::u16 : DType::u32; }

// Throws where a number cannot be kept as float16; NaN fails the comparison too. `what`: "logit".
void check_halves(const std::string& where, const std::string& what, const LabelsInfo& info, int64_t member,
                  int64_t view, std::span<const float> rows) {
  const auto bad = std::find_if(rows.begin(), rows.end(), [](float z) { return !(std::abs(z) <= kLargestHalf); });
  if (bad == rows.end()) return;
  const std::string subject =
      str("member ", member, " (", info.teachers[size(member)].name, "), view ", view, ", sample ",
          (bad - rows.begin()) / (std::ssize(rows) / info.samples), ": a ", what, " is ", *bad);
  if (std::isfinite(*bad)) {
    fail(where, subject, ", which float16 cannot hold (largest ", kLargestHalf, "); use a teacher with smaller ones");
  }
  fail(where, subject, "; soft labels must be finite; the teacher has diverged or its weights are damaged");
}

// The highest logits of each row, the lowest class first among equals, and what the rest comes to.
template <class Index>
struct TopRows {
  std::vector<uint16_t> logits;
  std::vector<Index> indices;
  std::vector<float> rest;

  TopRows(const LabelsInfo& info, std::span<const float> all) {
    std::vector<uint32_t> order(size(info.classes));
    std::vector<float> left;
    for (int64_t i = 0; i < info.samples; ++i) {
      const std::span<const float> row = all.subspan(size(i * info.classes), size(info.classes));
      std::iota(order.begin(), order.end(), 0U);
      std::nth_element(order.begin(), order.begin() + info.top - 1, order.end(),
                       [&](uint32_t a, uint32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
      std::sort(order.begin(), order.begin() + info.top);
      for (int64_t k = 0; k < info.top; ++k) {
        indices.push_back(static_cast<Index>(order[size(k)]));
        logits.push_back(to_half(row[order[size(k)]]));
      }
      left.clear();
      for (const uint32_t c : std::span(order).subspan(size(info.top))) left.push_back(row[c]);
      rest.push_back(static_cast<float>(log_sum_exp(std::span<const float>(left))));
    }
  }
};

std::map<std::string, std::string> metadata_of(const LabelsInfo& info, const std::string& store, int64_t member,
                                               int64_t view) {
  return {{"store", store}, {"member", info.teachers[size(member)].hash}, {"view", str(view)}};
}

/// A shard's tensors, and what they look at.
struct ShardTensors {
  std::map<std::string, TensorView> views;
  std::deque<std::vector<uint16_t>> halves;

  void add_halves(const std::string& name, std::span<const float> values, int64_t length) {
    std::vector<uint16_t>& kept = halves.emplace_back(values.size());
    std::transform(values.begin(), values.end(), kept.begin(), to_half);
    views[name] = {DType::f16, {std::ssize(values) / length, length}, std::as_bytes(std::span(kept))};
  }
};

template <class Index>
void write_top(const fs::path& path, const LabelsInfo& info, std::span<const float> logits, ShardTensors tensors,
               const std::map<std::string, std::string>& metadata) {
  const TopRows<Index> rows(info, logits);
  const std::vector<int64_t> shape{info.samples, info.top};
  tensors.views[kLogits] = {DType::f16, shape, std::as_bytes(std::span(rows.logits))};
  tensors.views[kIndices] = {index_type(info), shape, std::as_bytes(std::span(rows.indices))};
  tensors.views[kRest] = {DType::f32, {info.samples}, std::as_bytes(std::span(rows.rest))};
  write_safetensors(path, tensors.views, metadata);
}

std::string feature_name(const std::string& tap) { return "features." + tap; }

bool is(const Safetensors& file, const std::string& name, DType dtype, const std::vector<int64_t>& shape) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end() || found->second.dtype != dtype || found->second.shape != shape) return false;
  return reinterpret_cast<uintptr_t>(found->second.bytes.data()) % dtype_size(dtype) == 0;
}

bool all_below(const std::byte* indices, DType type, int64_t count, int64_t classes) {
  const auto below = [&](auto zero) {
    const auto* values = reinterpret_cast<const decltype(zero)*>(indices);
    return std::all_of(values, values + count, [&](auto c) { return static_cast<int64_t>(c) < classes; });
  };
  return type == DType::u16 ? below(uint16_t{0}) : below(uint32_t{0});
}

double seconds_of(const std::string& where, const std::string& text) {
  double value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (!std::isfinite(value) || value < 0) fail(where, "core_seconds is '", text, "'; the shard is damaged");
  return value;
}

}  // namespace

std::string shard_name(int64_t member, int64_t view) {
  char name[80];
  std::snprintf(name, sizeof name, "member-%02lld-view-%04lld.safetensors", static_cast<long long>(member),
                static_cast<long long>(view));
  return name;
}

void write_shard(const std::filesystem::path& directory, const LabelsInfo& info, const std::string& store,
                 int64_t member, int64_t view, const ShardContents& contents) {
  const std::string where = directory.string();
  check_halves(where, "logit", info, member, view, contents.logits);
  ShardTensors tensors;
  for (size_t f = 0; f < contents.features.size(); ++f) {
    const LabelsInfo::Feature& feature = info.teachers[size(member)].features[f];
    check_halves(where, "feature of " + feature.tap, info, member, view, contents.features[f]);
    tensors.add_halves(feature_name(feature.tap), contents.features[f], feature.length);
  }
  const fs::path path = directory / shard_name(member, view);
  auto metadata = metadata_of(info, store, member, view);
  metadata[kCoreSeconds] = str(contents.core_seconds);
  if (info.top > 0) {
    if (index_type(info) == DType::u16) return write_top<uint16_t>(path, info, contents.logits, tensors, metadata);
    return write_top<uint32_t>(path, info, contents.logits, tensors, metadata);
  }
  tensors.add_halves(kLogits, contents.logits, info.classes);
  write_safetensors(path, tensors.views, metadata);
}

Shard::Shard(const std::filesystem::path& directory, const LabelsInfo& info, const std::string& store, int64_t member,
             int64_t view)
    : file_(directory / shard_name(member, view)), classes_(info.classes), kept_(kept_of(info)) {
  const std::string where = (directory / shard_name(member, view)).string();
  const std::vector<int64_t> shape{info.samples, kept_};
  const bool top = info.top > 0;
  const std::vector<LabelsInfo::Feature>& features = info.teachers[size(member)].features;
  bool whole = is(file_, kLogits, DType::f16, shape) && file_.tensors().size() == (top ? 3U : 1U) + features.size() &&
               (!top || (is(file_, kIndices, index_type(info), shape) && is(file_, kRest, DType::f32, {info.samples})));
  for (const auto& [tap, length] : features) {
    whole = whole && is(file_, feature_name(tap), DType::f16, {info.samples, length});
  }
  if (!whole) {
    fail(where, "does not hold the float16 logits of ", info.samples, " samples and ", kept_, " of ", info.classes,
         " classes", features.empty() ? "" : ", and the features that the store lists",
         "; the store is damaged, write it again");
  }
  for (const auto& [tap, length] : features) {
    features_.push_back({reinterpret_cast<const uint16_t*>(file_.at(feature_name(tap)).bytes.data()), length});
  }
  auto metadata = file_.metadata();
  const auto seconds = metadata.extract(kCoreSeconds);
  if (seconds.empty() || metadata != metadata_of(info, store, member, view)) {
    fail(where, "belongs to another store than this one; write the store again");
  }
  core_seconds_ = seconds_of(where, seconds.mapped());
  logits_ = reinterpret_cast<const uint16_t*>(file_.at(kLogits).bytes.data());
  if (!top) return;
  indices_ = file_.at(kIndices).bytes.data();
  rest_ = reinterpret_cast<const float*>(file_.at(kRest).bytes.data());
  if (!all_below(indices_, index_type(info), info.samples * kept_, classes_)) {
    fail(where, "names a class beyond the last one; the store is damaged, write it again");
  }
}

template <class Index>
void Shard::read_top(int64_t position, float* out) const {
  const auto* indices = reinterpret_cast<const Index*>(indices_) + position * kept_;
  const uint16_t* row = logits_ + position * kept_;
  std::fill_n(out, classes_, rest_[position] - static_cast<float>(std::log(static_cast<double>(classes_ - kept_))));
  for (int64_t k = 0; k < kept_; ++k) out[indices[k]] = from_half(row[k]);
}

void Shard::read_feature(size_t feature, int64_t position, float* out) const {
  const auto& [values, length] = features_[feature];
  std::transform(values + position * length, values + (position + 1) * length, out, from_half);
}

void Shard::read(int64_t position, float* out) const {
  if (indices_) return classes_ <= kMostShort ? read_top<uint16_t>(position, out) : read_top<uint32_t>(position, out);
  const uint16_t* row = logits_ + position * classes_;
  for (int64_t c = 0; c < classes_; ++c) out[c] = from_half(row[c]);
}

}  // namespace retort
