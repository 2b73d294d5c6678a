#include <filesystem>

#include "cli/recipe_result.h"

namespace retort {

extern const char* const demo_recipe;  // examples/demo.toml

namespace cli {

namespace {

constexpr const char* kTakes = "about 10 to 20 minutes on 2 cores";
constexpr const char* kFullTakes = "about 90 minutes on 2 cores";
constexpr int64_t kSamples = 15000;

struct Demo {
  std::string out = "runs/demo", data = "fashion-mnist";
  int64_t samples = 0;  // 0: as the size says
  int seeds = 3;
  bool full = false;

  int64_t used_samples() const { return samples > 0 ? samples : full ? 0 : kSamples; }
};

std::string list_to(int count) {
  std::string out = "[1";
  for (int i = 2; i <= count; ++i) out += str(", ", i);
  return out + "]";
}

std::vector<std::string> overrides(const Demo& demo) {
  const std::string seeds = list_to(demo.seeds);
  std::vector<std::string> set = {"out=" + Json(demo.out).dump(), "data=" + Json(demo.data).dump(),
                                  str("samples=", demo.used_samples()), "train.student-scratch.seeds=" + seeds,
                                  "distill.student-distilled.seeds=" + seeds};
  if (!demo.full) return set;
  set.insert(set.end(), {"defaults.train.epochs=20", "label.labels.views=8"});
  for (const char* student : {"train.student-scratch", "distill.student-distilled"}) {
    set.push_back(str(student, ".epochs=40"));
    set.push_back(str(student, ".views=8"));
  }
  return set;
}

std::string what_next(const Context& context, const Demo& demo) {
  const std::filesystem::path out = demo.out;
  const std::string& retort = context.program_typed;
  const std::string teacher = shell_quote((out / "weighted").string()), labels = shell_quote((out / "labels").string());
  return str("\nEverything lies in ", demo.out,
             ": runs, ensembles, soft labels, and this table as table.txt, .md, .csv, .json.\nTry next:\n  ", retort,
             " list models\n  ", retort, " distill --labels ", labels, " --teacher ", teacher, " --samples ",
             demo.used_samples(), " --student resnet8 --epochs 16 --out runs/resnet8\n  ", retort, " compare ", teacher,
             " runs/resnet8\n  ", retort, " demo --full --out runs/full   (", kFullTakes, ")");
}

void run_demo(Context& context, const Demo& demo) {
  context.say(str("Retort demo on ", demo.data, ": ", demo.full ? kFullTakes : kTakes,
                  demo.full ? "" : str("; --full takes ", kFullTakes), ". Ctrl-C keeps what is done; the same command ",
                  "goes on."));
  RecipeOptions options = recipe_options(context);
  options.name = "demo.toml";
  options.text = demo_recipe;
  options.set = overrides(demo);
  const auto result = run_steps(context, options);
  if (!result) return;
  const Json all = result_json(*result);
  Json document = all["table"];
  document["steps"] = all["steps"];
  tell(context, *result, document, what_next(context, demo));
}

}  // namespace

void add_demo(CLI::App& app, Context& context) {
  auto demo = std::make_shared<Demo>();
  CLI::App* verb = add_verb(app, context, "demo", "The whole path on Fashion-MNIST, ends in the measured table",
                            [&context, demo] { run_demo(context, *demo); });
  verb->add_option("--out", demo->out, "Directory for everything")->capture_default_str();
  verb->add_option("--data", demo->data, "Data set")->capture_default_str();
  verb->add_option("--samples", demo->samples, "Training samples; 0: as the demo's size says")->capture_default_str();
  verb->add_option("--seeds", demo->seeds, "Seeds of each student")->check(CLI::Range(1, 100))->capture_default_str();
  verb->add_flag("--full", demo->full, "All samples and more epochs");
}

}  // namespace cli
}  // namespace retort
