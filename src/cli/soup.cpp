#include "cli/command.h"
#include "metrics/metrics_json.h"
#include "train/options.h"

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
  add_fields(*verb, fields(*o));
  for (const char* flag : {"--members", "--out"}) verb->get_option(flag)->required();
}

}  // namespace retort::cli
