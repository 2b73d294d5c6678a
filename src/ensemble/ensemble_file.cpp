#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "ensemble/cascade.h"
#include "ensemble/combiners.h"
#include "ensemble/compose.h"
#include "ensemble/files.h"

namespace retort {

namespace {

constexpr int64_t kVersion = 3, kOldest = 1;
constexpr const char* kFile = "ensemble.json";
constexpr const char* kWeights = "weights";
constexpr int kDeepest = 8;  // an ensemble may, by copying files about, come to hold itself

// Throws where a file would hold, or holds, what no ensemble is.
void check_ensemble(const std::string& where, const Ensemble& ensemble) {
  if (ensemble.members.empty()) fail(where, "0 members; an ensemble has at least one");
  for (const Ensemble::Member& member : ensemble.members) {
    if (member.path.empty()) fail(where, "a member has no path; expected the directory of its run");
    check_sha256(where, "member " + member.path, member.sha256);
  }
  check_fitted(where, ensemble.fitted);
  if (ensemble.split == "test") fail(where, "fitted on the split test; nothing is ever fitted on test");
  if (!std::isfinite(ensemble.val_nll) || !(ensemble.val_accuracy >= 0 && ensemble.val_accuracy <= 1)) {
    fail(where, "val_nll ", ensemble.val_nll, ", val_accuracy ", ensemble.val_accuracy,
         "; expected a finite number and a share");
  }
  if (ensemble.calibration) check_calibration(where, *ensemble.calibration);
  if (ensemble.cascade) check_cascade(where, *ensemble.cascade, std::ssize(ensemble.members));
  try {
    ensemble.make();
  } catch (const Error& error) {  // a file's fault, not the call's
    fail(where, "combiner '", ensemble.combiner, "' cannot be made: ", error.what());
  }
}

// A member's path as seen from the ensemble's directory, so that both can be moved together.
std::string relative_path(const fs::path& path, const fs::path& directory) {
  if (path.is_relative()) return path.string();
  const fs::path relative = fs::weakly_canonical(path).lexically_relative(fs::weakly_canonical(directory));
  return relative.empty() ? path.string() : relative.string();
}

// The ensemble's way to combine and calibrate, with what was fitted to the first `members`.
std::unique_ptr<Combiner> make_answer(const Ensemble& ensemble, int64_t members, const Fitted& fitted,
                                      const Fitted& calibration) {
  const bool alone = members == 1 && ensemble.members.size() > 1;  // nothing was combined, so nothing fitted
  std::unique_ptr<Combiner> made = make_combiner(alone ? "mean_logits" : ensemble.combiner);
  if (made->needs_fit() || !fitted.empty()) made->set_fitted(fitted, members);
  if (!ensemble.calibration) return made;
  std::unique_ptr<Combiner> then = make_calibration(ensemble.calibration->spec);
  then->set_fitted(calibration, 1);
  return calibrated(std::move(made), std::move(then));
}

// Version 1 had one weight a member, or none, and nothing else.
Fitted read_fitted(const std::string& where, const Json& json, int64_t version) {
  if (version != 1) return fitted_from_json(where, get<Json>(where, json, "fitted"));
  const auto weights = get<std::vector<double>>(where, json, kWeights);
  if (weights.empty()) return {};
  return {{kWeights, {{std::ssize(weights)}, weights}}};
}

}  // namespace

std::unique_ptr<Combiner> Ensemble::make() const {
  std::unique_ptr<Combiner> whole =
      make_answer(*this, std::ssize(members), fitted, calibration ? calibration->fitted : Fitted());
  if (!cascade) return whole;
  std::vector<CascadeStage> stages;
  for (const Cascade::Stage& s : cascade->stages) {
    stages.push_back({s.members, make_answer(*this, s.members, s.fitted, s.calibration), s.threshold});
  }
  stages.push_back({std::ssize(members), std::move(whole), 0});
  return make_cascade(std::move(stages));
}

std::vector<double> Ensemble::weights() const {
  const auto it = fitted.find(kWeights);
  return it == fitted.end() ? std::vector<double>() : it->second.values;
}

void Ensemble::drop_idle_members() {
  const std::vector<double> old = weights();
  if (old.size() != members.size()) return;
  std::vector<Member> kept;
  std::vector<double> kept_weights;
  for (size_t m = 0; m < members.size(); ++m) {
    if (old[m] == 0) continue;
    kept.push_back(std::move(members[m]));
    kept_weights.push_back(old[m]);
  }
  members = std::move(kept);
  fitted[kWeights] = {{std::ssize(kept_weights)}, std::move(kept_weights)};
}

void save_ensemble(const std::filesystem::path& directory, const Ensemble& ensemble) {
  const fs::path file = directory / kFile;
  check_ensemble(file.string(), ensemble);
  make_directory(directory);
  Json json{{"retort_ensemble", kVersion}, {"members", Json::array()}};
  for (const Ensemble::Member& member : ensemble.members) {
    json["members"].push_back({{"path", relative_path(member.path, directory)}, {"sha256", member.sha256}});
  }
  json["combiner"] = ensemble.combiner;
  json["fitted"] = fitted_to_json(ensemble.fitted);
  json["data"] = ensemble.data;
  json["data_hash"] = ensemble.data_hash;
  json["split"] = ensemble.split;
  json["val_nll"] = ensemble.val_nll;
  json["val_accuracy"] = ensemble.val_accuracy;
  if (ensemble.calibration) json["calibration"] = calibration_to_json(*ensemble.calibration);
  if (ensemble.cascade) json["cascade"] = cascade_to_json(*ensemble.cascade);
  write_json(file, json);
}

Ensemble load_ensemble(const std::filesystem::path& directory) {
  const std::string where = (directory / kFile).string();
  const Json json = parse_json(where, read_file(directory / kFile));
  const auto version = get<int64_t>(where, json, "retort_ensemble");
  if (version < kOldest || version > kVersion) check_version(where, json, "retort_ensemble", kVersion);
  Ensemble ensemble;
  for (const Json& member : get<std::vector<Json>>(where, json, "members")) {
    ensemble.members.push_back({get<std::string>(where, member, "path"), get<std::string>(where, member, "sha256")});
  }
  ensemble.combiner = get<std::string>(where, json, "combiner");
  ensemble.fitted = read_fitted(where, json, version);
  ensemble.data = get<std::string>(where, json, "data");
  ensemble.data_hash = get<std::string>(where, json, "data_hash");
  ensemble.split = get<std::string>(where, json, "split");
  ensemble.val_nll = get<double>(where, json, "val_nll");
  ensemble.val_accuracy = get<double>(where, json, "val_accuracy");
  if (json.contains("calibration")) {
    ensemble.calibration = calibration_from_json(where, json.at("calibration"));
  }
  if (json.contains("cascade")) ensemble.cascade = cascade_from_json(where, json.at("cascade"));
  check_ensemble(where, ensemble);
  return ensemble;
}

bool holds_ensemble(const fs::path& directory) { return is_there(directory / kFile); }

std::string ensemble_hash(const fs::path& directory) { return sha256_file(directory / kFile); }

void check_ensemble_depth(const fs::path& directory, int depth) {
  if (depth > kDeepest) fail(directory.string(), "ensembles lie more than ", kDeepest, " deep in each other");
}

}  // namespace retort
