#include "cli/command.h"
#include "retort/train.h"

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
       {"label_core_seconds", info->core_seconds}},
      str(options.out, ": ", info->views, " views of ", info->samples, " samples by ", join(teachers), "; ",
          duration(info->core_seconds), " of processor time\nnext: ", context.program_typed, " distill --labels ",
          shell_quote(options.out), " --teacher ", shell_quote(options.teacher), " --data ", shell_quote(options.data),
          options.samples > 0 ? str(" --samples ", options.samples) : "", " --student resnet8_half --out RUN"));
}

}  // namespace

void add_label(CLI::App& app, Context& context) {
  auto options = std::make_shared<LabelOptions>();
  auto verify = std::make_shared<int64_t>(0);
  CLI::App* verb = add_verb(app, context, "label", "Write a teacher's soft labels, each member apart",
                            [&context, options, verify] { run_label(context, *options, *verify); });
  verb->add_option("--teacher", options->teacher, "A run directory or an ensemble");
  verb->add_option("--data", options->data, "Data set whose train split is labelled")->capture_default_str();
  verb->add_option("--samples", options->samples, "The same fixed subset as in training; 0 is all")
      ->capture_default_str();
  verb->add_flag("--skip-broken", options->skip_broken, kSkipBrokenHelp);
  verb->add_option("--views", options->views, "Views of each sample; more than a store has are added to it")
      ->capture_default_str();
  verb->add_option("--top", options->top, "Keep the highest logits of each row alone, such as 32 of 1000; 0 is all")
      ->capture_default_str();
  verb->add_option("--augment", options->augment, "Augmentations that make a view")->capture_default_str();
  verb->add_option("--precision", options->precision, "auto, f32 or bf16")->capture_default_str();
  verb->add_option("--out", options->out, "Directory to make")->required();
  verb->add_option("--verify", *verify, "Compute this many rows of the store in --out again, and compare");
}

}  // namespace retort::cli
