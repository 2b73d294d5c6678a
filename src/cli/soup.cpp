#include "cli/command.h"
#include "metrics/metrics_json.h"
#include "retort/train.h"

namespace retort::cli {

namespace {

void run_soup(Context& context, SoupOptions options) {
  options.seed = context.seed;
  options.threads = context.threads;
  options.device = context.device;
  const SoupResult r = make_soup(options, context.monitor());
  Json members = Json::array();
  std::string text =
      str(r.run, ": ", options.method, " soup; val accuracy ", percent(r.val.accuracy), " [",
          percent(r.val.accuracy_interval.low), ", ", percent(r.val.accuracy_interval.high), "], NLL ", r.val.nll);
  for (size_t m = 0; m < r.weights.size(); ++m) {
    members.push_back({{"path", options.members[m]}, {"weight", r.weights[m]}});
    text += str("\n  ", options.members[m], "  weight ", r.weights[m]);
  }
  context.result({{"run", r.run},
                  {"method", options.method},
                  {"members", members},
                  {"core_seconds", r.core_seconds},
                  {"val", metrics_json(r.val)}},
                 str(text, "\nnext: ", context.program_typed, " eval --model ", shell_quote(r.run), " --data ",
                     shell_quote(options.data)));
}

}  // namespace

void add_soup(CLI::App& app, Context& context) {
  auto o = std::make_shared<SoupOptions>();
  CLI::App* verb = add_verb(app, context, "soup", "Average the weights of runs of one architecture into one run",
                            [&context, o] { run_soup(context, *o); });
  const auto add = [verb](const std::string& flag, auto& value, const std::string& help) {
    return verb->add_option(flag, value, help)->capture_default_str();
  };
  verb->add_option("--members", o->members, "Run directories, two or more; ema takes them in this order")->required();
  add("--method", o->method, "How they are weighed (see: retort list soups)");
  add("--data", o->data, "Data set whose val judges, and on whose train batch norms are computed");
  add("--samples", o->samples, "The fixed subset of train that the members were trained on; 0 is all");
  add("--bn-samples", o->bn_samples, "Compute batch norms on a fixed subset of so many of those, which is faster");
  add("--batch", o->batch, "Images a step, as in training");
  add("--augment", o->augment, "Augmentations, as in training");
  add("--precision", o->precision, "auto, f32 or bf16");
  verb->add_flag("--skip-broken", o->skip_broken, kSkipBrokenHelp);
  verb->add_option("--out", o->out, "Run directory to make")->required();
}

}  // namespace retort::cli
