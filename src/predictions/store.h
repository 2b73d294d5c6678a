/// \file store.h
/// labels.json, the index of a store of soft labels (docs/formats.md).
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "retort/predictions.h"

namespace retort {

inline constexpr int64_t kLabelsVersion = 3, kOldestLabelsVersion = 2;  // 2 had neither features nor unlabeled data
inline constexpr const char* kLabelsFile = "labels.json";
inline constexpr const char* kFloat32Difference = "float32_difference";

/// What labels.json says of a store's making, without its cost and its shards.
Json info_to_json(const LabelsInfo& info);
/// The other way round, with the cost. Throws Error as check_info does, and on fields that are missing.
LabelsInfo info_from_json(std::string_view where, const Json& json);
/// Throws Error where counts are absurd or a teacher has no hash.
void check_info(std::string_view where, const LabelsInfo& info);

/// Equal exactly for stores that were made from the same things, but for the number of views; each shard holds it.
std::string store_hash(LabelsInfo info);

/// labels.json in `directory`, as errors name it.
std::string labels_file(const fs::path& directory);
/// What it says, for info_from_json. Throws Error where it is missing, no JSON or of another version.
Json read_index(const fs::path& directory);

}  // namespace retort
