#include "base/file.h"
#include "recipe/step.h"
#include "train/options.h"
#include "train/run_dir.h"
#include "train/selection.h"

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
      all.push_back({"students", &students_, "Backbones that share one pass, in place of `model`"});
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
    if (!students_.empty() && !options_.model.empty()) {
      fail_usage("distill", "'model' and 'students' given; leave one of them out");
    }
    for (TrainOptions o : trainings()) {
      o.out = out;
      if (o.model.empty() && !o.pretrained.empty()) o.model = "resnet20";  // known when the weights are there
      check_options(o);
    }
  }

  std::vector<std::string> parts() const override { return student_names(students_); }
  const TrainOptions* training() const override { return &options_; }
  std::vector<TrainOptions> trainings() const override {
    if (students_.empty()) return {options_};
    std::vector<TrainOptions> all(students_.size(), options_);
    for (size_t i = 0; i < all.size(); ++i) all[i].model = students_[i];
    return all;
  }

  // With all images, those too that cannot be read.
  DataSet select(const DataSet& data) const override {
    TrainOptions o = options_;
    o.skip_broken = false;
    return select_samples(o, data, {});
  }

  StepWork work(const DataSet& selected) const override {
    const auto epochs = static_cast<double>(options_.epochs);
    const double images = epochs * static_cast<double>(selected.train.size());
    const bool beside = options_.distill && options_.distill->labels.empty();
    const double validation = epochs * static_cast<double>(selected.val.size()) / 3;  // forward only
    return {.trained = images + validation, .predicted = beside ? images : 0};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    TrainOptions o = options_;
    o.out = out;
    o.threads = threads;
    o.device = options.device;
    o.resume = is_there(out);
    if (students_.empty()) {
      train(o, monitor);
    } else {
      const std::vector<TrainOptions> jobs = students_of(students_, o);
      results_of(jobs, train_in_one_pass(jobs, monitor));
    }
  }

 private:
  TrainOptions options_;
  std::vector<std::string> students_;
};

}  // namespace

StepKind train_step() {
  return {"train", {"data", "samples", "skip_broken"}, {"train"}, make_step<TrainStep, /*distill=*/false>};
}

StepKind distill_step() {
  return {"distill", {"data", "samples", "skip_broken"}, {"train", "distill"}, make_step<TrainStep, /*distill=*/true>};
}

}  // namespace retort
