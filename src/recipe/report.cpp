#include "recipe/step.h"
#include "report/fields.h"
#include "retort/network.h"

namespace retort {

namespace {

class ReportStep : public Step {
 public:
  Fields fields() override { return retort::fields(options_); }
  std::vector<std::string> references() const override { return {"models", "baseline"}; }
  std::string last_file() const override { return "table.json"; }
  void check(const std::string&) const override {}
  bool owns_directory() const override { return false; }  // the recipe's own, as a rule
  bool alone() const override { return true; }

  StepWork work(const DataSet& data) const override {
    const Samples* all[] = {&data.train, &data.val, &data.test};
    for (const Samples* samples : all) {
      if (samples->split == options_.split) return {.predicted = static_cast<double>(samples->size())};
    }
    return {};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    CompareOptions o = options_;
    const double seconds = o.bench.seconds;
    o.bench = options.bench;
    o.bench.seconds = seconds;
    o.bench.threads = threads;
    o.bench.model.device = options.device;
    set_threads(threads);
    Table table = compare(o, monitor);
    if (monitor.stopping()) return;
    table.command = options.command;
    save_table(out, table);
  }

 private:
  CompareOptions options_;
};

}  // namespace

StepKind report_step() { return {"report", {"data", "skip_broken"}, {"report"}, make_step<ReportStep>}; }

}  // namespace retort
