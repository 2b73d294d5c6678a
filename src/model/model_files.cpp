#include "model/model_files.h"

#include "base/file.h"
#include "ensemble/compose.h"
#include "retort/infer.h"

namespace retort {

namespace {

ModelFiles read_file_model(const std::string& ref, const fs::path& file) {
  return {.networks = {{ref, session_file_hash(file)}}, .combiner = make_combiner("mean_logits")};
}

ModelFiles read_run(const std::string& ref, const fs::path& directory) {
  check_run(ref, directory);
  ModelFiles files{.networks = {{ref, weights_hash(directory)}}, .combiner = make_combiner("mean_logits")};
  if (const auto calibration = load_calibration(directory, files.networks[0].hash)) {
    files.combiner = calibration->make();
    files.bytes = file_bytes(directory / "calibration.json");
  }
  return files;
}

ModelFiles read_ensemble(const fs::path& directory, int depth) {
  check_ensemble_depth(directory, depth);
  const Ensemble ensemble = load_ensemble(directory);
  ModelFiles files{.is_ensemble = true, .bytes = file_bytes(directory / "ensemble.json")};
  std::vector<NestedMember> members;
  bool any_nested = false;
  for (const Ensemble::Member& member : ensemble.members) {
    const std::string ref = full_ref(member.path, directory);
    if (!holds_ensemble(ref)) {
      files.networks.push_back({ref, member.sha256});
      members.emplace_back();
      continue;
    }
    if (ensemble_hash(ref) != member.sha256) {
      fail(directory.string(), "the ensemble ", ref, ", a member, was fitted again since; fit this one again");
    }
    ModelFiles inner = read_ensemble(ref, depth + 1);
    members.push_back({std::ssize(inner.networks), std::move(inner.combiner)});
    std::move(inner.networks.begin(), inner.networks.end(), std::back_inserter(files.networks));
    files.bytes += inner.bytes;
    any_nested = true;
  }
  files.combiner = ensemble.make();
  if (any_nested) files.combiner = nested(std::move(members), std::move(files.combiner));
  return files;
}

}  // namespace

void check_run(const std::string& where, const std::filesystem::path& directory) {
  if (!is_there(directory / "config.json")) {
    fail(where, "holds no model; expected a run directory (config.json, model.safetensors) or an ensemble's ",
         "(ensemble.json)");
  }
  if (!is_there(weights_path(directory))) {
    fail(where, weights_path(directory).string(), " is not there; expected a finished run");
  }
}

std::string member_hash(const std::filesystem::path& path) {
  if (is_session_file(path)) return session_file_hash(path);
  return holds_ensemble(path) ? ensemble_hash(path) : weights_hash(path);
}

ModelFiles read_model_files(const std::string& ref, const Monitor& monitor) {
  const fs::path directory = resolve_model(ref, monitor);
  if (is_session_file(directory)) return read_file_model(ref, directory);
  return holds_ensemble(directory) ? read_ensemble(directory, /*depth=*/1) : read_run(ref, directory);
}

}  // namespace retort
