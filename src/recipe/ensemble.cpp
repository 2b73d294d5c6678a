#include "model/fields.h"
#include "recipe/step.h"

namespace retort {

namespace {

class EnsembleStep : public Step {
 public:
  Fields fields() override {
    Fields all = retort::fields(options_);
    std::erase_if(all, [](const Field& f) { return f.name == "out" || f.name == "split"; });
    return all;
  }
  std::vector<std::string> references() const override { return {"members"}; }
  std::string last_file() const override { return "ensemble.json"; }
  bool leaves_model() const override { return true; }

  void check(const std::string&) const override {
    make_combiner(options_.method);
    if (!options_.calibration.empty()) make_calibration(options_.calibration);
    if (!options_.cascade.empty()) check_cascade_target(options_.cascade);
  }

  StepWork work(const DataSet& data) const override {
    return {.predicted = static_cast<double>(data.val.subset(options_.samples).size())};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    EnsembleOptions o = options_;
    o.out = out;
    o.threads = threads;
    o.model.device = options.device;
    fit_ensemble(o, monitor);
  }

 private:
  EnsembleOptions options_;
};

}  // namespace

StepKind ensemble_step() { return {"ensemble", {"data", "skip_broken"}, {"ensemble"}, make_step<EnsembleStep>}; }

}  // namespace retort
