#include "recipe/step.h"
#include "train/options.h"
#include "train/selection.h"

namespace retort {

namespace {

class LabelStep : public Step {
 public:
  Fields fields() override {
    Fields all = retort::fields(options_);
    std::erase_if(all, [](const Field& f) { return f.name == "out"; });
    all.push_back({"seed", &options_.seed, "Of the views"});
    return all;
  }
  std::vector<std::string> references() const override { return {"teacher"}; }
  std::string last_file() const override { return "labels.json"; }

  void check(const std::string& out) const override {
    LabelOptions o = options_;
    o.out = out;
    check_options(o);
  }

  // With all images, those too that cannot be read.
  DataSet select(const DataSet& data) const override {
    LabelOptions o = options_;
    o.skip_broken = false;
    return select_samples(o, data, {});
  }

  StepWork work(const DataSet& selected) const override {
    const auto samples = static_cast<double>(selected.train.size());
    return {.predicted = samples * static_cast<double>(options_.views)};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    LabelOptions o = options_;
    o.out = out;
    o.threads = threads;
    o.device = options.device;
    write_labels(o, monitor);
  }

 private:
  LabelOptions options_;
};

}  // namespace

StepKind label_step() { return {"label", {"data", "samples", "skip_broken"}, {"label"}, make_step<LabelStep>}; }

}  // namespace retort
