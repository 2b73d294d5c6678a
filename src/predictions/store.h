/// \file store.h
/// How a store of soft labels lies on disk (docs/formats.md): labels.json and one shard a member and view.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/safetensors.h"
#include "retort/predictions.h"

namespace retort {

inline constexpr int64_t kLabelsVersion = 1;
inline constexpr const char* kLabelsFile = "labels.json";
inline constexpr const char* kLogits = "logits";

/// "member-00-view-0000.safetensors"
std::string shard_name(int64_t member, int64_t view);

/// What labels.json says of a store's making, without its cost and its shards.
Json info_to_json(const LabelsInfo& info);
/// The other way round, with the cost. Throws Error as check_info does, and on fields that are missing.
LabelsInfo info_from_json(std::string_view where, const Json& json);
/// Throws Error where counts are absurd or a teacher has no hash.
void check_info(std::string_view where, const LabelsInfo& info);

/// Equal exactly for stores that were made from the same things; each shard holds it.
std::string store_hash(const LabelsInfo& info);

/// What a shard says of itself.
std::map<std::string, std::string> shard_metadata(const LabelsInfo& info, const std::string& store, int64_t member,
                                                  int64_t view);
/// Maps a shard and checks it against what the store says. Throws Error.
Safetensors open_shard(const fs::path& directory, const LabelsInfo& info, const std::string& store, int64_t member,
                       int64_t view);

}  // namespace retort
