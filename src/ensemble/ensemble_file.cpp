#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "ensemble/combiners.h"
#include "retort/ensemble.h"

namespace retort {

namespace {

constexpr int64_t kVersion = 1;
constexpr const char* kFile = "ensemble.json";

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Throws where a file would hold, or holds, what no ensemble is.
void check_ensemble(const std::string& where, const Ensemble& ensemble) {
  if (ensemble.members.size() < 2) {
    fail(where, ensemble.members.size(), " members; an ensemble has at least two");
  }
  for (const Ensemble::Member& member : ensemble.members) {
    if (member.path.empty()) fail(where, "a member has no path; expected the directory of its run");
    if (!is_sha256(member.sha256)) {
      fail(where, "member ", member.path, ": sha256 is '", member.sha256.substr(0, 80),
           "'; expected 64 lower-case hexadecimal digits");
    }
  }
  if (!ensemble.weights.empty()) check_weights(where, ensemble.weights, std::ssize(ensemble.members));
  if (ensemble.split == "test") fail(where, "fitted on the split test; nothing is ever fitted on test");
  if (!std::isfinite(ensemble.val_nll) || !(ensemble.val_accuracy >= 0 && ensemble.val_accuracy <= 1)) {
    fail(where, "val_nll ", ensemble.val_nll, ", val_accuracy ", ensemble.val_accuracy,
         "; expected a finite number and a share");
  }
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

}  // namespace

std::unique_ptr<Combiner> Ensemble::make() const {
  std::unique_ptr<Combiner> made = make_combiner(combiner);
  if (weights.empty()) return made;
  check_weights("ensemble", weights, std::ssize(members));
  made->set_weights(weights);
  if (made->weights() != weights) fail("ensemble", combiner, " has nothing to fit, but fitted numbers are given");
  return made;
}

void save_ensemble(const std::filesystem::path& directory, const Ensemble& ensemble) {
  const fs::path file = directory / kFile;
  const std::string where = file.string();
  check_ensemble(where, ensemble);
  make_directory(directory);
  Json json{{"retort_ensemble", kVersion}, {"members", Json::array()}};
  for (const Ensemble::Member& member : ensemble.members) {
    json["members"].push_back({{"path", relative_path(member.path, directory)}, {"sha256", member.sha256}});
  }
  json["combiner"] = ensemble.combiner;
  json["weights"] = ensemble.weights;
  json["data"] = ensemble.data;
  json["data_hash"] = ensemble.data_hash;
  json["split"] = ensemble.split;
  json["val_nll"] = ensemble.val_nll;
  json["val_accuracy"] = ensemble.val_accuracy;
  std::string text;
  try {
    text = json.dump(1) + "\n";
  } catch (const nlohmann::json::exception&) {
    fail(where, "a path is not UTF-8, which JSON needs; rename it");
  }
  write_file(file, text);
}

Ensemble load_ensemble(const std::filesystem::path& directory) {
  const std::string where = (directory / kFile).string();
  const Json json = parse_json(where, read_file(directory / kFile));
  check_version(where, json, "retort_ensemble", kVersion);
  Ensemble ensemble;
  for (const Json& member : get<std::vector<Json>>(where, json, "members")) {
    ensemble.members.push_back({get<std::string>(where, member, "path"), get<std::string>(where, member, "sha256")});
  }
  ensemble.combiner = get<std::string>(where, json, "combiner");
  ensemble.weights = get<std::vector<double>>(where, json, "weights");
  ensemble.data = get<std::string>(where, json, "data");
  ensemble.data_hash = get<std::string>(where, json, "data_hash");
  ensemble.split = get<std::string>(where, json, "split");
  ensemble.val_nll = get<double>(where, json, "val_nll");
  ensemble.val_accuracy = get<double>(where, json, "val_accuracy");
  check_ensemble(where, ensemble);
  return ensemble;
}

}  // namespace retort
