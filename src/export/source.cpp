#include "export/source.h"

#include "base/file.h"
#include "retort/zoo.h"
#include "weights/run_json.h"
#include "zoo/buildable.h"

namespace retort {

namespace {

// Of run.json and metrics.json, where they are: models of the hub have only config.json. No paths, which mean nothing
// elsewhere.
Json run_provenance(const fs::path& directory) {
  Json out = Json::object();
  if (const Json run = read_run_json(directory); !run.is_null()) {
    const std::string where = (run_of(directory) / "run.json").string();
    out["data"] = get<std::string>(where, get<Json>(where, run, "options"), "data");
    out["data_hash"] = get<std::string>(where, run, "data_hash");
    out["teachers"] = Json::array();
    for (const Json& teacher : get<std::vector<Json>>(where, run, "teachers")) {
      out["teachers"].push_back(
          {{"name", get<std::string>(where, teacher, "name")}, {"sha256", get<std::string>(where, teacher, "sha256")}});
    }
  }
  if (const fs::path file = directory / "metrics.json"; is_there(file)) {
    out["val"] = get<Json>(file.string(), parse_json(file.string(), read_file(file)), "val");
  }
  return out;
}

class Reader {
 public:
  explicit Reader(const Monitor& monitor) : monitor_(monitor) {}

  ExportSource read(const std::string& ref) {
    source_.name = model_name(ref);
    const fs::path directory = resolve_model(ref, monitor_);
    Json part;
    if (holds_ensemble(directory)) {
      part = read_ensemble(directory, source_.mix, /*depth=*/1);
    } else {
      part = read_network(ref, directory);
      source_.mix.parts.emplace_back();
      source_.mix.calibration = load_calibration(directory, source_.networks[0].sha256);
      if (source_.mix.calibration) part["calibration"] = source_.mix.calibration->spec;
    }
    source_.provenance = {{"model", source_.name}};
    source_.provenance.update(part);
    return std::move(source_);
  }

 private:
  Json read_network(const std::string& ref, const fs::path& directory) {
    const std::string where = directory.string();
    if (!is_there(weights_path(directory))) {
      fail(where, "has no model.safetensors; expected a finished run; ONNX files cannot be part of another");
    }
    ExportNetwork network{model_name(ref), directory, weights_hash(directory), read_config(directory), {}};
    const ModelConfig& c = network.config;
    check_buildable(where, c.architecture, c.global_pool);
    const ImageShape& size = c.preprocess.size;
    network.graph = build_model(c.architecture, c.num_classes, size.channels, size.height);
    Json out{{"name", network.name}, {"architecture", c.architecture}, {"sha256", network.sha256}};
    out.update(run_provenance(directory));
    source_.networks.push_back(std::move(network));
    return out;
  }

  Json read_part(const Ensemble::Member& member, const fs::path& base, ExportMix& mix, int depth) {
    const std::string ref = full_ref(member.path, base);
    const fs::path directory = resolve_model(ref, monitor_);
    ExportMix::Part part{.network = source_.networks.size()};
    Json out;
    std::string hash;
    if (holds_ensemble(directory)) {
      part.mix = std::make_unique<ExportMix>();
      out = read_ensemble(directory, *part.mix, depth + 1);
      hash = ensemble_hash(directory);
    } else {
      out = read_network(ref, directory);
      hash = source_.networks.back().sha256;
    }
    if (hash != member.sha256) {
      fail(base.string(), "member ", ref, " is not what it was fitted with (SHA-256 ", hash.substr(0, 12),
           ", expected ", member.sha256.substr(0, 12), "); fit the ensemble again");
    }
    mix.parts.push_back(std::move(part));
    return out;
  }

  Json read_ensemble(const fs::path& directory, ExportMix& mix, int depth) {
    check_ensemble_depth(directory, depth);
    const Ensemble ensemble = load_ensemble(directory);
    if (ensemble.cascade) {
      fail_usage(directory.string(), "is a cascade, whose members run one after another; a graph runs them all; ",
                 "export its members one by one");
    }
    mix.combiner = ensemble.combiner;
    mix.fitted = ensemble.fitted;
    mix.calibration = ensemble.calibration;
    Json out{{"combiner", ensemble.combiner}};
    if (ensemble.calibration) out["calibration"] = ensemble.calibration->spec;
    out["data"] = ensemble.data;
    out["data_hash"] = ensemble.data_hash;
    out["val"] = {{"accuracy", ensemble.val_accuracy}, {"nll", ensemble.val_nll}};
    out["members"] = Json::array();
    for (const Ensemble::Member& member : ensemble.members) {
      out["members"].push_back(read_part(member, directory, mix, depth));
    }
    return out;
  }

  const Monitor& monitor_;
  ExportSource source_;
};

}  // namespace

ExportSource read_export_source(const std::string& ref, const Monitor& monitor) { return Reader(monitor).read(ref); }

}  // namespace retort
