#include "model/held_out.h"

#include "base/machine.h"
#include "model/model_files.h"

namespace retort {

Samples fit_samples(const DataSet& data, int64_t samples, bool skip_broken, const Monitor& monitor) {
  const Samples all = data.split("val");
  return (skip_broken ? without_broken(all, usable_cores(), monitor) : all).subset(samples);
}

Predictions predict_all(const std::string& path, const DataSet& data, const Samples& samples,
                        const ModelOptions& options, const Monitor& monitor) {
  Model model(path, options, monitor);
  Predictions p = predict(model, data, samples, {}, monitor);
  if (p.samples < samples.size()) fail(path, "stopped while predicting on val; nothing was written");
  return p;
}

Predictions held_out(const std::string& path, const DataSet& data, const Samples& samples, const ModelOptions& options,
                     const Monitor& monitor) {
  Predictions networks = predict_all(path, data, samples, options, monitor);
  const ModelFiles files = read_model_files(path, monitor);
  return files.is_ensemble ? combine(*files.combiner, networks, model_name(path)) : networks;
}

Calibration calibrate(const std::string& spec, const DataSet& data, const Predictions& val, int threads) {
  const Metrics before = evaluate(val);
  const auto calibration = fit_calibration(spec, val, threads);
  const Metrics after = evaluate(combine(*calibration, val, spec));
  return {spec, calibration->fitted(), data.spec, data.hash, before.nll, after.nll, before.ece, after.ece};
}

}  // namespace retort
