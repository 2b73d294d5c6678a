#include "predictions/store.h"

#include <cmath>
#include <set>

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
  visit("top", info.top);
  visit("augment", info.augment);
  visit("seed", info.seed);
  visit("precision", info.precision);
}

std::vector<LabelsInfo::Feature> features_from_json(std::string_view where, const Json& teacher) {
  std::vector<LabelsInfo::Feature> features;
  if (!teacher.contains("features")) return features;
  for (const Json& feature : get<std::vector<Json>>(where, teacher, "features")) {
    features.push_back({get<std::string>(where, feature, "tap"), get<int64_t>(where, feature, "length")});
  }
  return features;
}

void check_teacher(std::string_view where, const LabelsInfo::Teacher& teacher, int64_t samples) {
  if (teacher.hash.empty()) fail(where, "teacher '", teacher.name, "' has no hash; expected that of its weights");
  std::set<std::string> taps;
  for (const auto& [tap, length] : teacher.features) {
    int64_t bytes = 0;
    if (tap.empty() || !taps.insert(tap).second || length < 1 || __builtin_mul_overflow(2 * samples, length, &bytes)) {
      fail(where, "teacher '", teacher.name, "' has features of '", tap, "', ", length,
           " a sample; expected taps that ", "are there once, and at least 1");
    }
  }
}

}  // namespace

Json info_to_json(const LabelsInfo& info) {
  Json json;
  visit_fields(info, [&](const char* key, const auto& field) { json[key] = field; });
  // What version 2 did not have is left out where there is none, so that its shards know the store by the same hash.
  if (!info.unlabeled.empty()) json["unlabeled"] = info.unlabeled, json["unlabeled_hash"] = info.unlabeled_hash;
  json["teachers"] = Json::array();
  for (const LabelsInfo::Teacher& teacher : info.teachers) {
    Json& kept = json["teachers"].emplace_back();
    kept = {{"name", teacher.name}, {"path", teacher.path}, {"hash", teacher.hash}};
    for (const auto& [tap, length] : teacher.features) kept["features"].push_back({{"tap", tap}, {"length", length}});
  }
  return json;
}

LabelsInfo info_from_json(std::string_view where, const Json& json) {
  LabelsInfo info;
  visit_fields(info, [&](const char* key, auto& field) {
    field = get<std::remove_reference_t<decltype(field)>>(where, json, key);
  });
  if (json.contains("unlabeled")) {
    info.unlabeled = get<std::string>(where, json, "unlabeled");
    info.unlabeled_hash = get<std::string>(where, json, "unlabeled_hash");
  }
  for (const Json& teacher : get<std::vector<Json>>(where, json, "teachers")) {
    info.teachers.push_back({get<std::string>(where, teacher, "name"), get<std::string>(where, teacher, "path"),
                             get<std::string>(where, teacher, "hash"), features_from_json(where, teacher)});
  }
  info.core_seconds = get<double>(where, json, "core_seconds");
  if (json.contains(kFloat32Difference)) info.float32_difference = get<double>(where, json, kFloat32Difference);
  check_info(where, info);
  return info;
}

void check_info(std::string_view where, const LabelsInfo& info) {
  const auto members = static_cast<int64_t>(info.teachers.size());
  if (members < 1 || info.samples < 1 || info.classes < 1 || info.views < 1) {
    fail(where, members, " teachers, ", info.samples, " samples, ", info.classes, " classes, ", info.views,
         " views; expected at least one of each");
  }
  if (info.top < 0 || info.top >= info.classes) {
    fail(where, "top is ", info.top, "; expected 1 to ", info.classes - 1, " of ", info.classes,
         " classes, or 0 for all");
  }
  int64_t bytes = 0, shards = 0;
  if (__builtin_mul_overflow(info.samples, info.classes, &bytes) || __builtin_mul_overflow(bytes, 2, &bytes) ||
      __builtin_mul_overflow(members, info.views, &shards) || shards > kMaxShards) {
    fail(where, members, " teachers, ", info.samples, " samples, ", info.classes, " classes, ", info.views,
         " views; more than a store can hold (", kMaxShards, " shards)");
  }
  for (const LabelsInfo::Teacher& teacher : info.teachers) check_teacher(where, teacher, info.samples);
  if (!std::isfinite(info.core_seconds) || info.core_seconds < 0) {
    fail(where, "core_seconds is ", info.core_seconds, "; expected what writing has cost");
  }
}

std::string store_hash(LabelsInfo info) {
  info.views = 1;  // more can be added
  return sha256(info_to_json(info).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string labels_file(const fs::path& directory) { return (directory / kLabelsFile).string(); }

Json read_index(const fs::path& directory) {
  const std::string file = labels_file(directory);
  if (!is_there(file)) {
    fail(directory.string(), "is no store of soft labels, or writing it was interrupted (no ", kLabelsFile,
         "); write it with `retort label`");
  }
  Json json = parse_json(file, read_file(file));
  const auto version = get<int64_t>(file, json, "retort_labels");
  if (version != kOldestLabelsVersion) check_version(file, json, "retort_labels", kLabelsVersion);
  return json;
}

}  // namespace retort
