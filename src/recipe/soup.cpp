#include "train/soup.h"

#include "base/file.h"
#include "recipe/step.h"
#include "train/options.h"

namespace retort {

namespace {

class SoupStep : public Step {
 public:
  Fields fields() override {
    Fields all = retort::fields(options_);
    std::erase_if(all, [](const Field& f) { return f.name == "out"; });
    all.push_back({"seed", &options_.seed, "Of order and views"});
    return all;
  }
  std::vector<std::string> references() const override { return {"members"}; }
  std::string last_file() const override { return "run.json"; }
  bool leaves_model() const override { return true; }
  void check(const std::string&) const override { make_soup_method(options_.method); }

  StepWork work(const DataSet& data) const override {
    const auto train = static_cast<double>(data.train.subset(options_.samples).size());
    return {.predicted = train + static_cast<double>(data.val.size())};
  }

  void run(const std::string& out, int threads, const RecipeOptions& options, const Monitor& monitor) override {
    fs::remove_all(out);  // of one that was killed: it begins anew
    SoupOptions o = options_;
    o.out = out;
    o.threads = threads;
    o.device = options.device;
    make_soup(o, monitor);
  }

 private:
  SoupOptions options_;
};

}  // namespace

StepKind soup_step() { return {"soup", {"data", "samples", "skip_broken"}, {"soup"}, make_step<SoupStep>}; }

}  // namespace retort
