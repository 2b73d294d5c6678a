#include <filesystem>

#include "base/machine.h"
#include "cli/probe.h"
#include "retort/network.h"
#include "retort/report.h"
#include "retort/train.h"

namespace retort::cli {

namespace {

namespace fs = std::filesystem;

// How large the demo is. The cast and its numbers are argued for in docs/demo.md.
struct Size {
  int64_t samples, member_epochs, views, student_epochs;
  const char* takes;
};
constexpr Size kSmall{15000, 8, 4, 12, "about 9 minutes on 2 cores"};
constexpr Size kFull{0, 20, 8, 40, "about 90 minutes on 2 cores"};

struct Member {
  const char* model;
  double lr;
};
constexpr Member kMembers[] = {{"wrn_16_2", 0.1}, {"vgg8", 0.05}, {"resnet20", 0.1}};  // slowest first: none waits
constexpr const char* kCombiners[] = {"mean_logits", "mean_probabilities", "weighted"};
constexpr const char* kTeacher = "weighted";
constexpr const char* kStudent = "resnet8_quarter";
constexpr int64_t kBatch = 64;
constexpr double kTemperature = 2, kAlpha = 0.9;

struct Demo {
  Context& context;
  std::string out = "runs/demo", data = "fashion-mnist";
  int64_t samples = 0;  // 0: as the size says
  int seeds = 3;
  bool full = false;

  Size size() const {
    Size s = full ? kFull : kSmall;
    if (samples > 0) s.samples = samples;
    return s;
  }
  std::string path(const std::string& name) const { return (fs::path(out) / name).string(); }
};

TrainOptions common_options(const Demo& demo, const std::string& model, const std::string& name) {
  TrainOptions o;
  o.data = demo.data;
  o.model = model;
  o.out = demo.path(name);
  o.samples = demo.size().samples;
  o.batch = kBatch;
  o.device = demo.context.device;
  o.resume = fs::exists(o.out);  // a killed demo goes on where it was
  return o;
}

void train_all(const Demo& demo, const std::vector<TrainOptions>& jobs) {
  results_of(jobs, train_side_by_side(jobs, demo.context.threads_or_all(), demo.context.monitor()));
}

void train_members(const Demo& demo) {
  demo.context.say("1/5  train the members side by side");
  std::vector<TrainOptions> jobs;
  for (const auto& [model, lr] : kMembers) {
    jobs.push_back(common_options(demo, model, model));
    jobs.back().lr = lr;
    jobs.back().epochs = demo.size().member_epochs;
    jobs.back().seed = demo.context.seed + jobs.size();
  }
  train_all(demo, jobs);
}

void fit_ensembles(const Demo& demo) {
  demo.context.say("2/5  combine them, fitted on val");
  for (const char* method : kCombiners) {
    EnsembleOptions o;
    for (const Member& member : kMembers) o.members.push_back(demo.path(member.model));
    o.method = method;
    o.data = demo.data;
    o.out = demo.path(method);
    if (fs::exists(fs::path(o.out) / "ensemble.json")) continue;  // fitted before the demo was stopped
    o.model.device = demo.context.device;
    o.threads = demo.context.threads_or_all();
    fit_ensemble(o, demo.context.monitor());
  }
}

void label(const Demo& demo) {
  LabelOptions o;
  o.teacher = demo.path(kTeacher);
  o.data = demo.data;
  o.samples = demo.size().samples;
  o.views = demo.size().views;
  o.out = demo.path("labels");
  o.device = demo.context.device;
  o.threads = demo.context.threads_or_all();
  demo.context.say(str("3/5  write the members' soft labels for ", o.views, " views of each training sample"));
  if (!fs::exists(fs::path(o.out) / "labels.json")) write_labels(o, demo.context.monitor());
}

std::string student_name(bool distilled, int seed) {
  return str("student-", distilled ? "distilled" : "scratch", "-seed", seed);
}

// Both kinds see the same views in the same order; only the loss differs.
void train_students(const Demo& demo) {
  demo.context.say(str("4/5  train ", kStudent, " from scratch and distilled, ", demo.seeds, " seed(s) each"));
  std::vector<TrainOptions> jobs;
  for (int seed = 1; seed <= demo.seeds; ++seed) {
    for (const bool distilled : {false, true}) {
      TrainOptions o = common_options(demo, kStudent, student_name(distilled, seed));
      o.role = "student";
      o.epochs = demo.size().student_epochs;
      o.views = demo.size().views;
      o.seed = demo.context.seed + static_cast<uint64_t>(seed);
      if (distilled) {
        o.distill = DistillOptions{.labels = demo.path("labels"), .teacher = demo.path(kTeacher)};
        o.distill->temperature = kTemperature;
        o.distill->alpha = kAlpha;
      }
      jobs.push_back(std::move(o));
    }
  }
  train_all(demo, jobs);
}

Table measure(const Demo& demo) {
  demo.context.say("5/5  measure all of them on test, in turn");
  CompareOptions o;
  for (const Member& member : kMembers) o.models.push_back(demo.path(member.model));
  for (const char* name : kCombiners) o.models.push_back(demo.path(name));
  for (const bool distilled : {false, true}) {
    for (int seed = 1; seed <= demo.seeds; ++seed) o.models.push_back(demo.path(student_name(distilled, seed)));
  }
  o.data = demo.data;
  o.bench = bench_options(demo.context);
  set_threads(o.bench.threads);
  Table table = compare(o, demo.context.monitor());
  table.command = demo.context.command_line;
  save_table(demo.out, table);
  return table;
}

std::string what_next(const Demo& demo) {
  const std::string& retort = demo.context.program_typed;
  const std::string teacher = shell_quote(demo.path(kTeacher)), labels = shell_quote(demo.path("labels"));
  return str("\nEverything lies in ", demo.out,
             ": runs, ensembles, soft labels, and this table as table.txt, .md, .csv, .json.\nTry next:\n  ", retort,
             " list models\n  ", retort, " distill --labels ", labels, " --teacher ", teacher, " --samples ",
             demo.size().samples, " --student resnet8 --epochs 16 --out runs/resnet8\n  ", retort, " compare ", teacher,
             " runs/resnet8\n  ", retort, " demo --full --out runs/full   (", kFull.takes, ")");
}

void run_demo(Demo demo) {
  open_data(demo.data);  // what is missing shows before any work
  demo.context.say(str("Retort demo on ", demo.data, ": ", demo.full ? kFull.takes : kSmall.takes,
                       demo.full ? "" : str("; --full takes ", kFull.takes), ". Ctrl-C keeps what is done; the same ",
                       "command goes on."));
  const double start = wall_seconds();
  for (const auto step : {train_members, fit_ensembles, label, train_students}) {
    step(demo);
    if (interrupted()) return demo.context.stopped("Go on with: " + demo.context.command_line);
  }
  const Table table = measure(demo);
  if (interrupted()) return demo.context.stopped("Go on with: " + demo.context.command_line);
  demo.context.say("done in " + duration(wall_seconds() - start));
  demo.context.result(Json::parse(to_json(table)), to_text(table) + what_next(demo));
}

}  // namespace

void add_demo(CLI::App& app, Context& context) {
  auto demo = std::make_shared<Demo>(Demo{.context = context});
  CLI::App* verb = add_verb(app, context, "demo", "The whole path on Fashion-MNIST, ends in the measured table",
                            [demo] { run_demo(*demo); });
  verb->add_option("--out", demo->out, "Directory for everything")->capture_default_str();
  verb->add_option("--data", demo->data, "Data set")->capture_default_str();
  verb->add_option("--samples", demo->samples, "Training samples; 0: as the demo's size says")->capture_default_str();
  verb->add_option("--seeds", demo->seeds, "Seeds of each student")->check(CLI::Range(1, 100))->capture_default_str();
  verb->add_flag("--full", demo->full, "All samples and more epochs");
}

}  // namespace retort::cli
