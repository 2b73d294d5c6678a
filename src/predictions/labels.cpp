#include <algorithm>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/half.h"
#include "predictions/store.h"
#include "retort/predictions.h"

namespace retort {

namespace {

constexpr float kLargestHalf = 65504;

size_t size(int64_t i) { return static_cast<size_t>(i); }

// Throws where a logit cannot be kept as float16; NaN fails the comparison too.
void check_logits(const std::string& where, const LabelsInfo& info, int64_t member, int64_t view,
                  std::span<const float> logits) {
  const auto bad = std::find_if(logits.begin(), logits.end(), [](float z) { return !(std::abs(z) <= kLargestHalf); });
  if (bad == logits.end()) return;
  const std::string subject = str("member ", member, " (", info.teachers[size(member)].name, "), view ", view,
                                  ", sample ", (bad - logits.begin()) / info.classes, ": a logit is ", *bad);
  if (std::isfinite(*bad)) {
    fail(where, subject, ", which float16 cannot hold (largest ", kLargestHalf, "); use a teacher with smaller logits");
  }
  fail(where, subject, "; soft labels must be finite; the teacher has diverged or its weights are damaged");
}

}  // namespace

LabelsWriter::LabelsWriter(std::filesystem::path directory, LabelsInfo info)
    : directory_(std::move(directory)), info_(std::move(info)) {
  const std::string where = directory_.string();
  check_info(where, info_);
  if (fs::exists(directory_ / kLabelsFile)) {
    fail(where, "holds soft labels already; remove it or choose another --out");
  }
  make_directory(directory_);
  store_ = store_hash(info_);
}

void LabelsWriter::write(int64_t member, int64_t view, std::span<const float> logits) {
  const std::string where = directory_.string();
  if (member < 0 || member >= std::ssize(info_.teachers) || view < 0 || view >= info_.views) {
    fail(where, "member ", member, ", view ", view, " is out of range; the store has ", info_.teachers.size(),
         " members and ", info_.views, " views");
  }
  if (logits.size() != size(info_.samples * info_.classes)) {
    fail(where, logits.size(), " logits; expected ", info_.samples, " samples of ", info_.classes, " classes");
  }
  check_logits(where, info_, member, view, logits);
  std::vector<uint16_t> halves(logits.size());
  std::transform(logits.begin(), logits.end(), halves.begin(), to_half);
  write_safetensors(directory_ / shard_name(member, view),
                    {{kLogits, {DType::f16, {info_.samples, info_.classes}, std::as_bytes(std::span(halves))}}},
                    shard_metadata(info_, store_, member, view));
}

void LabelsWriter::finish(double core_seconds) {
  info_.core_seconds = core_seconds;
  check_info(directory_.string(), info_);
  Json json{{"retort_labels", kLabelsVersion}};
  json.update(info_to_json(info_));
  json["core_seconds"] = core_seconds;
  json["shards"] = Json::array();
  for (int64_t member = 0; member < std::ssize(info_.teachers); ++member) {
    for (int64_t view = 0; view < info_.views; ++view) {
      open_shard(directory_, info_, store_, member, view);
      const std::string name = shard_name(member, view);
      json["shards"].push_back({{"file", name}, {"bytes", fs::file_size(directory_ / name)}});
    }
  }
  write_file(directory_ / kLabelsFile, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

struct Labels::State {
  std::string where;
  LabelsInfo info;
  std::vector<Safetensors> shards;
  std::vector<const uint16_t*> logits;  // [members * views] of [samples, classes]
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
  const fs::path file = directory / kLabelsFile;
  const std::string where = file.string();
  if (!fs::exists(file)) {
    fail(directory.string(), "is no store of soft labels, or writing it was interrupted (no ", kLabelsFile,
         "); write it with `retort label`");
  }
  const Json json = parse_json(where, read_file(file));
  check_version(where, json, "retort_labels", kLabelsVersion);
  State& state = *state_;
  state.where = directory.string();
  state.info = info_from_json(where, json);
  check_shards(where, directory, state.info, json);
  const std::string store = store_hash(state.info);
  for (int64_t member = 0; member < std::ssize(state.info.teachers); ++member) {
    for (int64_t view = 0; view < state.info.views; ++view) {
      state.shards.push_back(open_shard(directory, state.info, store, member, view));
      state.logits.push_back(reinterpret_cast<const uint16_t*>(state.shards.back().at(kLogits).bytes.data()));
    }
  }
}

Labels::~Labels() = default;
Labels::Labels(Labels&&) noexcept = default;

const LabelsInfo& Labels::info() const { return state_->info; }

void Labels::read(int64_t view, std::span<const int64_t> positions, std::span<float> out) const {
  const LabelsInfo& info = state_->info;
  const size_t classes = size(info.classes);
  if (view < 0 || view >= info.views) fail(state_->where, "no view ", view, "; the store has ", info.views);
  if (out.size() != info.teachers.size() * positions.size() * classes) {
    fail(state_->where, "room for ", out.size(), " logits; expected ", info.teachers.size(), " members, ",
         positions.size(), " positions, ", classes, " classes");
  }
  for (int64_t position : positions) {
    if (position < 0 || position >= info.samples) {
      fail(state_->where, "no sample at position ", position, "; the store has ", info.samples);
    }
  }
  float* to = out.data();
  for (int64_t member = 0; member < std::ssize(info.teachers); ++member) {
    const uint16_t* logits = state_->logits[size(member * info.views + view)];
    for (int64_t position : positions) {
      const uint16_t* row = logits + size(position) * classes;
      for (size_t c = 0; c < classes; ++c) to[c] = from_half(row[c]);
      to += classes;
    }
  }
}

}  // namespace retort
