#include <algorithm>

#include "base/file_lock.h"
#include "predictions/shard.h"
#include "predictions/store.h"
#include "retort/predictions.h"

namespace retort {

namespace {

size_t size(int64_t i) { return static_cast<size_t>(i); }

fs::path claim_path(const fs::path& directory, int64_t member, int64_t view) {
  return directory / (shard_name(member, view) + ".claim");
}

}  // namespace

LabelsWriter::LabelsWriter(std::filesystem::path directory, LabelsInfo info)
    : directory_(std::move(directory)), info_(std::move(info)) {
  const std::string where = directory_.string();
  check_info(where, info_);
  store_ = store_hash(info_);
  if (is_there(directory_ / kLabelsFile)) {
    const LabelsInfo there = info_from_json(labels_file(directory_), read_index(directory_));
    if (store_hash(there) != store_) fail(where, "holds other soft labels; remove it or choose another --out");
    if (there.views >= info_.views) {
      fail(where, "holds soft labels of ", there.views,
           " views already; ask for more --views, or choose another --out");
    }
  }
  make_directory(directory_);
}

bool LabelsWriter::is_written(int64_t member, int64_t view) const {
  try {
    return is_there(directory_ / shard_name(member, view)) && (Shard(directory_, info_, store_, member, view), true);
  } catch (const Error&) {
    return false;  // it will be written anew
  }
}

std::shared_ptr<void> LabelsWriter::claim(int64_t member, int64_t view) const {
  auto lock = FileLock::try_lock(claim_path(directory_, member, view));
  if (!lock || is_written(member, view)) return nullptr;
  return std::make_shared<FileLock>(std::move(*lock));
}

void LabelsWriter::write(int64_t member, int64_t view, std::span<const float> logits, double core_seconds,
                         const std::vector<std::vector<float>>& features) {
  const std::string where = directory_.string();
  if (member < 0 || member >= std::ssize(info_.teachers) || view < 0 || view >= info_.views) {
    fail(where, "member ", member, ", view ", view, " is out of range; the store has ", info_.teachers.size(),
         " members and ", info_.views, " views");
  }
  if (logits.size() != size(info_.samples * info_.classes)) {
    fail(where, logits.size(), " logits; expected ", info_.samples, " samples of ", info_.classes, " classes");
  }
  const std::vector<LabelsInfo::Feature>& kept = info_.teachers[size(member)].features;
  const bool fit = std::equal(kept.begin(), kept.end(), features.begin(), features.end(),
                              [&](const auto& a, const auto& b) { return b.size() == size(info_.samples * a.length); });
  if (!fit)
    fail(where, "the features are not those of ", info_.samples, " samples at the store's ", kept.size(), " taps");
  write_shard(directory_, info_, store_, member, view, {logits, features, core_seconds});
}

LabelsInfo LabelsWriter::finish() {
  info_.core_seconds = 0;
  Json shards = Json::array();
  for (int64_t member = 0; member < std::ssize(info_.teachers); ++member) {
    for (int64_t view = 0; view < info_.views; ++view) {
      info_.core_seconds += Shard(directory_, info_, store_, member, view).core_seconds();
      const std::string name = shard_name(member, view);
      shards.push_back({{"file", name}, {"bytes", fs::file_size(directory_ / name)}});
      std::error_code none;  // left behind, it does no harm
      fs::remove(claim_path(directory_, member, view), none);
    }
  }
  Json json{{"retort_labels", kLabelsVersion}};
  json.update(info_to_json(info_));
  json["core_seconds"] = info_.core_seconds;
  if (info_.float32_difference) json[kFloat32Difference] = *info_.float32_difference;
  json["shards"] = std::move(shards);
  write_file(directory_ / kLabelsFile, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  return info_;
}

struct Labels::State {
  std::string where;
  LabelsInfo info;
  std::vector<Shard> shards;  // [members * views]

  void check_places(int64_t view, std::span<const int64_t> positions) const {
    if (view < 0 || view >= info.views) fail(where, "no view ", view, "; the store has ", info.views);
    for (int64_t position : positions) {
      if (position < 0 || position >= info.samples) {
        fail(where, "no sample at position ", position, "; the store has ", info.samples);
      }
    }
  }
};

namespace {

// Throws where labels.json does not list exactly the files that its counts ask for, or one has another size.
void check_shards(const std::string& where, const fs::path& directory, const LabelsInfo& info, const Json& json) {
  const auto shards = get<std::vector<Json>>(where, json, "shards");
  if (std::ssize(shards) != std::ssize(info.teachers) * info.views) {
    fail(where, "lists ", shards.size(), " shards; expected ", info.teachers.size(), " members times ", info.views,
         " views; the file is damaged");
  }
  for (int64_t i = 0; i < std::ssize(shards); ++i) {
    const std::string name = shard_name(i / info.views, i % info.views);
    if (get<std::string>(where, shards[size(i)], "file") != name) {
      fail(where, "shard ", i, " is not ", name, "; the file is damaged");
    }
    const auto bytes = get<uint64_t>(where, shards[size(i)], "bytes");
    const size_t found = MappedFile(directory / name).bytes().size();
    if (found != bytes) {
      fail((directory / name).string(), "has ", found, " bytes; expected ", bytes,
           "; the store is damaged, write it again");
    }
  }
}

}  // namespace

Labels::Labels(const std::filesystem::path& directory) : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.where = directory.string();
  const Json index = read_index(directory);
  const std::string where = labels_file(directory);
  state.info = info_from_json(where, index);
  check_shards(where, directory, state.info, index);
  const std::string store = store_hash(state.info);
  for (int64_t member = 0; member < std::ssize(state.info.teachers); ++member) {
    for (int64_t view = 0; view < state.info.views; ++view) {
      state.shards.emplace_back(directory, state.info, store, member, view);
    }
  }
}

Labels::~Labels() = default;
Labels::Labels(Labels&&) noexcept = default;

const LabelsInfo& Labels::info() const { return state_->info; }

void Labels::read(int64_t view, std::span<const int64_t> positions, std::span<float> out) const {
  const LabelsInfo& info = state_->info;
  const size_t classes = size(info.classes);
  state_->check_places(view, positions);
  if (out.size() != info.teachers.size() * positions.size() * classes) {
    fail(state_->where, "room for ", out.size(), " logits; expected ", info.teachers.size(), " members, ",
         positions.size(), " positions, ", classes, " classes");
  }
  float* to = out.data();
  for (int64_t member = 0; member < std::ssize(info.teachers); ++member) {
    const Shard& shard = state_->shards[size(member * info.views + view)];
    for (const int64_t position : positions) {
      shard.read(position, to);
      to += classes;
    }
  }
}

void Labels::read_features(int64_t member, const std::string& tap, int64_t view, std::span<const int64_t> positions,
                           std::span<float> out) const {
  state_->check_places(view, positions);
  const std::vector<LabelsInfo::Feature>& features = info().teachers.at(size(member)).features;
  const auto found = std::find_if(features.begin(), features.end(), [&](const auto& f) { return f.tap == tap; });
  if (found == features.end()) fail(state_->where, "member ", member, " has no features of '", tap, "'");
  if (out.size() != positions.size() * size(found->length)) {
    fail(state_->where, "room for ", out.size(), " features; expected ", positions.size(), " times ", found->length);
  }
  const Shard& shard = state_->shards[size(member * info().views + view)];
  const auto feature = static_cast<size_t>(found - features.begin());
  for (size_t i = 0; i < positions.size(); ++i) {
    shard.read_feature(feature, positions[i], out.data() + static_cast<int64_t>(i) * found->length);
  }
}

}  // namespace retort
