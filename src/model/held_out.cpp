#include "model/held_out.h"

#include <unordered_set>

#include "base/file.h"
#include "base/machine.h"
#include "model/model_files.h"
#include "model/run_file.h"

namespace retort {

namespace {

Predictions load_out_of_fold(const fs::path& directory, const DataSet& data) {
  Predictions p = load_predictions(directory / kOutOfFold);
  if (p.data_hash != data.hash) {
    fail(directory.string(), "was trained by folds of other data than ", data.spec, " holds now; train it again");
  }
  p.members = {model_name(directory.string())};
  return p;
}

Predictions with_ids(const Predictions& p, const std::unordered_set<uint64_t>& ids) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < p.samples; ++i) {
    if (ids.contains(p.ids[static_cast<size_t>(i)])) positions.push_back(i);
  }
  return p.select(positions);
}

Predictions of_samples(const Predictions& p, const Samples& samples) {
  std::unordered_set<uint64_t> ids;
  for (int64_t i = 0; i < samples.size(); ++i) ids.insert(samples.id(i));
  return with_ids(p, ids);
}

}  // namespace

Samples fit_samples(const DataSet& data, int64_t samples, bool skip_broken, const Monitor& monitor) {
  const Samples all = data.split("val");
  return (skip_broken ? without_broken(all, usable_cores(), monitor) : all).subset(samples);
}

bool trained_by_folds(const std::filesystem::path& directory) { return is_there(directory / kOutOfFold); }

Predictions HeldOut::of(const std::string& path) const {
  const fs::path directory = resolve_model(path, monitor);
  if (trained_by_folds(directory)) {
    const Predictions all = load_out_of_fold(directory, data);
    return only_samples ? of_samples(all, samples) : all;
  }
  if (holds_ensemble(directory)) {
    const Ensemble ensemble = load_ensemble(directory);
    return combine(*ensemble.make(), members_of(ensemble, directory), model_name(path));
  }
  check_val_unseen(directory);
  Model model(path, options, monitor);
  Predictions p = predict(model, data, samples, {}, monitor);
  if (p.samples < samples.size()) fail(path, "stopped while predicting on val; nothing was written");
  return p;
}

Predictions HeldOut::members_of(const Ensemble& ensemble, const std::filesystem::path& directory) const {
  std::vector<Predictions> parts;
  for (const Ensemble::Member& member : ensemble.members) {
    const std::string ref = full_ref(member.path, directory);
    if (member_hash(resolve_model(ref, monitor)) != member.sha256) {
      fail(directory.string(), "its member ", ref, " is not the one it was fitted with; fit the ensemble again");
    }
    parts.push_back(of(ref));
  }
  return align_common(std::move(parts));
}

Predictions align_common(std::vector<Predictions> parts) {
  std::unordered_set<uint64_t> common(parts.front().ids.begin(), parts.front().ids.end());
  for (const Predictions& part : parts) {
    const std::unordered_set<uint64_t> own(part.ids.begin(), part.ids.end());
    std::erase_if(common, [&own](uint64_t id) { return !own.contains(id); });
  }
  if (common.empty())
    fail("ensemble", "the members answer for no sample in common; train them on more of the same data");
  for (Predictions& part : parts) {
    if (part.samples > std::ssize(common)) part = with_ids(part, common);
  }
  return align(parts);
}

Calibration calibrate(const std::string& spec, const DataSet& data, const Predictions& val, int threads) {
  const Metrics before = evaluate(val);
  const auto calibration = fit_calibration(spec, val, threads);
  const Metrics after = evaluate(combine(*calibration, val, spec));
  return {spec, calibration->fitted(), data.spec, data.hash, before.nll, after.nll, before.ece, after.ece};
}

}  // namespace retort
