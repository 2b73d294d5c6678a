#include <iomanip>

#include "cli/command.h"
#include "train/options.h"

namespace retort::cli {

namespace {

void run_verify(Context& context, const LabelOptions& options, int64_t rows) {
  const LabelsCheck check = verify_labels(options, rows, context.monitor());
  if (interrupted()) return context.stopped("Start again with: " + context.command_line);
  context.result({{"labels", options.out},
                  {"rows", check.rows},
                  {"largest_difference", check.largest_difference},
                  {"tolerance", check.tolerance},
                  {"good", check.good()}},
                 str(options.out, check.good() ? ": as the teachers say, " : ": NOT what the teachers say, ",
                     check.rows, " rows computed again, largest difference ", check.largest_difference,
                     " of a row's largest logit (", check.tolerance, " is allowed)"));
  if (!check.good()) context.exit_code = 1;
}

// What distill must be given again.
std::string unlabeled_flags(const LabelOptions& options) {
  if (options.unlabeled.empty()) return "";
  const std::string count =
      options.unlabeled_samples > 0 ? str(" --unlabeled-samples ", options.unlabeled_samples) : "";
  return " --unlabeled " + shell_quote(options.unlabeled) + count;
}

void run_label(Context& context, LabelOptions options, int64_t verify) {
  options.threads = context.threads;
  options.device = context.device;
  options.seed = context.seed;
  if (verify > 0) return run_verify(context, options, verify);
  if (options.teacher.empty()) fail_usage("retort label", "--teacher is required");
  const auto info = write_labels(options, context.monitor());
  if (!info) return context.stopped("Go on with: " + context.command_line);
  std::vector<std::string> teachers;
  for (const auto& teacher : info->teachers) teachers.push_back(teacher.name);
  context.result(
      {{"labels", options.out},
       {"samples", info->samples},
       {"views", info->views},
       {"classes", info->classes},
       {"teachers", teachers},
       {"precision", info->precision},
       {"float32_difference", *info->float32_difference},
       {"label_core_seconds", info->core_seconds}},
      str(options.out, ": ", info->views, " views of ", info->samples, " samples by ", join(teachers), " in ",
          info->precision, ", logits within ", std::setprecision(2), *info->float32_difference, " of float32; ",
          duration(info->core_seconds), " of processor time\nnext: ", context.program_typed, " distill --labels ",
          shell_quote(options.out), " --teacher ", shell_quote(options.teacher), " --data ", shell_quote(options.data),
          options.samples > 0 ? str(" --samples ", options.samples) : "", unlabeled_flags(options),
          " --student resnet8_half --out RUN"));
}

}  // namespace

void add_label(CLI::App& app, Context& context) {
  auto options = std::make_shared<LabelOptions>();
  auto verify = std::make_shared<int64_t>(0);
  CLI::App* verb = add_verb(app, context, "label", "Write a teacher's soft labels, each member apart",
                            [&context, options, verify] { run_label(context, *options, *verify); });
  add_fields(*verb, fields(*options));
  verb->get_option("--out")->required();
  verb->get_option("--features")->delimiter(',');
  verb->add_option("--verify", *verify, "Compute this many rows of the store in --out again, and compare");
}

}  // namespace retort::cli
