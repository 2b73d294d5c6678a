#include "cli/command.h"
#include "model/fields.h"

namespace retort::cli {

namespace {

void run_calibrate(Context& context, CalibrateOptions options) {
  options.model.device = context.device;
  options.threads = context.threads_or_all();
  const Calibration c = calibrate_model(options, context.monitor());
  context.result(
      {{"model", options.path},
       {"spec", c.spec},
       {"nll_before", c.nll_before},
       {"nll_after", c.nll_after},
       {"ece_before", c.ece_before},
       {"ece_after", c.ece_after}},
      str(options.path, ": ", c.spec, "; val NLL ", c.nll_before, " -> ", c.nll_after, ", ECE ", c.ece_before, " -> ",
          c.ece_after, "\nnext, what it is worth on samples that it was not fitted on: ", context.program_typed,
          " eval --model ", shell_quote(options.path), " --data ", shell_quote(options.data)));
}

}  // namespace

void add_calibrate(CLI::App& app, Context& context) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* verb = add_verb(app, context, "calibrate", "Fit probabilities on val, of one run or one ensemble",
                            [&context, options] { run_calibrate(context, *options); });
  add_fields(*verb, fields(*options));
  verb->get_option("--model")->required();
}

}  // namespace retort::cli
