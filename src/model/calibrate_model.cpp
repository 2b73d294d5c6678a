#include "base/machine.h"
#include "model/held_out.h"
#include "model/model_files.h"
#include "retort/network.h"

namespace retort {

Calibration calibrate_model(const CalibrateOptions& options, const Monitor& monitor) {
  make_calibration(options.method);  // an unknown one is an error now, not after the model has run
  if (is_hub_ref(options.path)) {
    fail_usage(options.path, "lies in the hub's cache, which others read too; calibrate a run or an ensemble of yours");
  }
  const std::filesystem::path directory = resolve_model(options.path, monitor);
  std::optional<Ensemble> ensemble;
  if (holds_ensemble(directory)) ensemble = load_ensemble(directory);
  if (ensemble && ensemble->cascade) {
    fail_usage(options.path, "is a cascade, whose stages are calibrated where they are fitted: give `retort ensemble ",
               "--cascade` the calibration");
  }
  const int threads = resolve_threads(options.threads);
  set_threads(threads);
  const DataSet data = open_data(options.data);
  const Samples samples = fit_samples(data, options.samples, options.skip_broken, monitor);
  const HeldOut held_out{data, samples, options.samples > 0, options.model, monitor};
  if (!ensemble) {
    Calibration c = calibrate(options.method, data, held_out.of(options.path), threads);
    save_calibration(directory, c, weights_hash(directory));
    return c;
  }
  ensemble->calibration.reset();  // an older one is fitted anew, not calibrated again
  const Predictions val =
      trained_by_folds(directory)
          ? held_out.of(options.path)
          : combine(*ensemble->make(), held_out.members_of(*ensemble, directory), ensemble->combiner);
  ensemble->calibration = calibrate(options.method, data, val, threads);
  save_ensemble(directory, *ensemble);
  return *ensemble->calibration;
}

}  // namespace retort
