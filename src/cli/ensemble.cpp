#include "retort/ensemble.h"

#include <numeric>

#include "cli/command.h"
#include "model/fields.h"

namespace retort::cli {

namespace {

Json calibration_json(const std::optional<Calibration>& c) {
  if (!c) return nullptr;
  return {{"spec", c->spec},
          {"nll_before", c->nll_before},
          {"nll_after", c->nll_after},
          {"ece_before", c->ece_before},
          {"ece_after", c->ece_after}};
}

Json cascade_json(const std::optional<Cascade>& c) {
  if (!c) return nullptr;
  Json stages = Json::array();
  for (const Cascade::Stage& stage : c->stages) {
    stages.push_back({{"members", stage.members}, {"threshold", stage.threshold}, {"settled", stage.settled}});
  }
  return {{"target", c->target}, {"cost", c->cost},         {"costs", c->costs},
          {"stages", stages},    {"val_cost", c->val_cost}, {"val_accuracy", c->val_accuracy}};
}

std::string cascade_text(const Cascade& c) {
  const double whole = std::accumulate(c.costs.begin(), c.costs.end(), 0.0);
  std::string text = str("\ncascade: val accuracy ", percent(c.val_accuracy), " at ", percent(c.val_cost / whole),
                         " of the ", c.cost, " cost of all members");
  for (const Cascade::Stage& stage : c.stages) {
    text += str("\n  after member ", stage.members, ": ", percent(stage.settled), " settled, by a probability from ",
                stage.threshold);
  }
  if (c.stages.empty()) text += "\n  no member may be left out for any sample: all always run";
  return text;
}

void run_ensemble(Context& context, EnsembleOptions options) {
  options.model.device = context.device;
  options.threads = context.threads_or_all();
  const Ensemble e = fit_ensemble(options, context.monitor());
  Json members = Json::array();
  std::string text = str(options.out, ": ", e.combiner, " of ", e.members.size(), " members; val accuracy ",
                         percent(e.val_accuracy), ", NLL ", e.val_nll);
  const std::vector<double> weights = e.weights();
  for (size_t m = 0; m < e.members.size(); ++m) {
    members.push_back({{"path", e.members[m].path}, {"sha256", e.members[m].sha256}});
    text += "\n  " + e.members[m].path + (weights.empty() ? "" : str("  weight ", weights[m]));
  }
  if (const size_t idle = options.members.size() - e.members.size()) text += str("\n", idle, " of weight 0 left out");
  if (e.calibration) {
    text += str("\n", e.calibration->spec, ": val NLL ", e.calibration->nll_before, " -> ", e.calibration->nll_after,
                ", ECE ", e.calibration->ece_before, " -> ", e.calibration->ece_after);
  }
  if (e.cascade) text += cascade_text(*e.cascade);
  text += str("\nnext: ", context.program_typed, " label --teacher ", shell_quote(options.out), " --data ",
              shell_quote(options.data), " --views 4 --out LABELS");
  context.result({{"ensemble", options.out},
                  {"combiner", e.combiner},
                  {"members", members},
                  {"weights", weights},
                  {"split", e.split},
                  {"val_accuracy", e.val_accuracy},
                  {"val_nll", e.val_nll},
                  {"calibration", calibration_json(e.calibration)},
                  {"cascade", cascade_json(e.cascade)}},
                 text);
}

}  // namespace

void add_ensemble(CLI::App& app, Context& context) {
  auto options = std::make_shared<EnsembleOptions>();
  CLI::App* verb = add_verb(app, context, "ensemble", "Combine trained members; what is fitted is fitted on val",
                            [&context, options] { run_ensemble(context, *options); });
  add_fields(*verb, fields(*options));
  for (const char* flag : {"--members", "--out"}) verb->get_option(flag)->required();
}

}  // namespace retort::cli
