#include "base/file.h"
#include "base/hash.h"
#include "model/fields.h"
#include "recipe/step.h"

namespace retort {

namespace {

constexpr const char* kFile = "calibration.json";

class CalibrateStep : public Step {
 public:
  Fields fields() override { return retort::fields(options_); }
  std::vector<std::string> references() const override { return {"model"}; }
  std::string last_file() const override { return kFile; }
  bool in_place() const override { return true; }
  void check(const std::string&) const override { make_calibration(options_.method); }

  std::string output(const std::string& out) const override {
    const fs::path file = fs::path(out) / kFile;
    return is_there(file) ? sha256_file(file) : "";
  }

  StepWork work(const DataSet& data) const override {
    return {.predicted = static_cast<double>(data.val.subset(options_.samples).size())};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    CalibrateOptions o = options_;
    o.path = out;
    o.threads = threads;
    o.model.device = options.device;
    calibrate_model(o, monitor);
  }

 private:
  CalibrateOptions options_;
};

}  // namespace

StepKind calibrate_step() { return {"calibrate", {"data", "skip_broken"}, {"calibrate"}, make_step<CalibrateStep>}; }

}  // namespace retort
