#include "predictions/store.h"

#include <cmath>
#include <cstdio>

#include "base/hash.h"

namespace retort {

namespace {

constexpr int64_t kMaxShards = 1'000'000;

// Fields of LabelsInfo that are plain strings or counts, under the names that they have on disk.
template <class Info, class Visit>
void visit_fields(Info& info, const Visit& visit) {
  visit("data", info.data);
  visit("data_hash", info.data_hash);
  visit("samples_hash", info.samples_hash);
  visit("split", info.split);
  visit("samples", info.samples);
  visit("classes", info.classes);
  visit("views", info.views);
  visit("augment", info.augment);
  visit("seed", info.seed);
  visit("precision", info.precision);
}

}  // namespace

std::string shard_name(int64_t member, int64_t view) {
  char name[80];
  std::snprintf(name, sizeof name, "member-%02lld-view-%04lld.safetensors", static_cast<long long>(member),
                static_cast<long long>(view));
  return name;
}

Json info_to_json(const LabelsInfo& info) {
  Json json;
  visit_fields(info, [&](const char* key, const auto& field) { json[key] = field; });
  json["teachers"] = Json::array();
  for (const LabelsInfo::Teacher& teacher : info.teachers) {
    json["teachers"].push_back({{"name", teacher.name}, {"path", teacher.path}, {"hash", teacher.hash}});
  }
  return json;
}

LabelsInfo info_from_json(std::string_view where, const Json& json) {
  LabelsInfo info;
  visit_fields(info, [&](const char* key, auto& field) {
    field = get<std::remove_reference_t<decltype(field)>>(where, json, key);
  });
  for (const Json& teacher : get<std::vector<Json>>(where, json, "teachers")) {
    info.teachers.push_back({get<std::string>(where, teacher, "name"), get<std::string>(where, teacher, "path"),
                             get<std::string>(where, teacher, "hash")});
  }
  info.core_seconds = get<double>(where, json, "core_seconds");
  check_info(where, info);
  return info;
}

void check_info(std::string_view where, const LabelsInfo& info) {
  const auto members = static_cast<int64_t>(info.teachers.size());
  if (members < 1 || info.samples < 1 || info.classes < 1 || info.views < 1) {
    fail(where, members, " teachers, ", info.samples, " samples, ", info.classes, " classes, ", info.views,
         " views; expected at least one of each");
  }
  int64_t bytes = 0, shards = 0;
  if (__builtin_mul_overflow(info.samples, info.classes, &bytes) || __builtin_mul_overflow(bytes, 2, &bytes) ||
      __builtin_mul_overflow(members, info.views, &shards) || shards > kMaxShards) {
    fail(where, members, " teachers, ", info.samples, " samples, ", info.classes, " classes, ", info.views,
         " views; more than a store can hold (", kMaxShards, " shards)");
  }
  for (const LabelsInfo::Teacher& teacher : info.teachers) {
    if (teacher.hash.empty()) fail(where, "teacher '", teacher.name, "' has no hash; expected that of its weights");
  }
  if (!std::isfinite(info.core_seconds) || info.core_seconds < 0) {
    fail(where, "core_seconds is ", info.core_seconds, "; expected what writing has cost");
  }
}

std::string store_hash(const LabelsInfo& info) {
  return sha256(info_to_json(info).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::map<std::string, std::string> shard_metadata(const LabelsInfo& info, const std::string& store, int64_t member,
                                                  int64_t view) {
  return {{"store", store}, {"member", info.teachers[static_cast<size_t>(member)].hash}, {"view", str(view)}};
}

Safetensors open_shard(const fs::path& directory, const LabelsInfo& info, const std::string& store, int64_t member,
                       int64_t view) {
  const fs::path path = directory / shard_name(member, view);
  const std::string where = path.string();
  Safetensors shard(path);
  const TensorView& logits = shard.at(kLogits);
  if (logits.dtype != DType::f16 || logits.shape != std::vector<int64_t>{info.samples, info.classes} ||
      shard.tensors().size() != 1 || reinterpret_cast<uintptr_t>(logits.bytes.data()) % alignof(uint16_t) != 0) {
    fail(where, "does not hold the float16 logits of ", info.samples, " samples and ", info.classes,
         " classes; the store is damaged, write it again");
  }
  if (shard.metadata() != shard_metadata(info, store, member, view)) {
    fail(where, "belongs to another store than the ", kLabelsFile, " beside it; write the store again");
  }
  return shard;
}

}  // namespace retort
