#include "base/file.h"
#include "recipe/step.h"
#include "train/options.h"

namespace retort {

namespace {

class TrainStep : public Step {
 public:
  explicit TrainStep(bool distill) {
    options_.model.clear();
    if (distill) options_.distill.emplace();
  }

  Fields fields() override {
    Fields all = {{"role", &options_.role, "member or student, for reports"},
                  {"seed", &options_.seed, "Of weights and order"}};
    if (options_.distill) {
      for (const Field& field : retort::fields(*options_.distill)) all.push_back(field);
    }
    for (const Field& field : retort::fields(options_)) {
      if (field.name != "out" && field.name != "resume") all.push_back(field);
    }
    return all;
  }

  std::vector<std::string> references() const override {
    if (options_.distill) return {"labels", "teacher", "pretrained"};
    return {"pretrained"};
  }
  std::string last_file() const override { return "run.json"; }

  void check(const std::string& out) const override {
    TrainOptions o = options_;
    o.out = out;
    if (o.model.empty() && !o.pretrained.empty()) o.model = "resnet20";  // known when the weights are there
    check_options(o);
  }

  StepWork work(const DataSet& data) const override {
    const auto epochs = static_cast<double>(options_.epochs);
    const double images = epochs * static_cast<double>(data.train.subset(options_.samples).size());
    const bool beside = options_.distill && options_.distill->labels.empty();
    const double validation = epochs * static_cast<double>(data.val.size()) / 3;  // forward only
    return {.trained = images + validation, .predicted = beside ? images : 0};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    TrainOptions o = options_;
    o.out = out;
    o.threads = threads;
    o.device = options.device;
    o.resume = is_there(out);
    train(o, monitor);
  }

  const TrainOptions* training() const override { return &options_; }

 private:
  TrainOptions options_;
};

}  // namespace

StepKind train_step() {
  return {"train", {"data", "samples", "skip_broken"}, {"train"}, make_step<TrainStep, /*distill=*/false>};
}

StepKind distill_step() {
  return {"distill", {"data", "samples", "skip_broken"}, {"train", "distill"}, make_step<TrainStep, /*distill=*/true>};
}

}  // namespace retort
