#include "cli/command.h"
#include "retort/train.h"

namespace retort::cli {

namespace {

void run_label(Context& context, LabelOptions options) {
  options.threads = context.threads;
  options.device = context.device;
  options.seed = context.seed;
  const auto info = write_labels(options, context.monitor());
  if (!info) return context.stopped("Start again with: " + context.command_line);
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
  CLI::App* verb = add_verb(app, context, "label", "Write a teacher's soft labels, each member apart",
                            [&context, options] { run_label(context, *options); });
  verb->add_option("--teacher", options->teacher, "A run directory or an ensemble")->required();
  verb->add_option("--data", options->data, "Data set whose train split is labelled")->capture_default_str();
  verb->add_option("--samples", options->samples, "The same fixed subset as in training; 0 is all")
      ->capture_default_str();
  verb->add_flag("--skip-broken", options->skip_broken, kSkipBrokenHelp);
  verb->add_option("--views", options->views, "Views of each sample")->capture_default_str();
  verb->add_option("--augment", options->augment, "Augmentations that make a view")->capture_default_str();
  verb->add_option("--precision", options->precision, "auto, f32 or bf16")->capture_default_str();
  verb->add_option("--out", options->out, "Directory to make")->required();
}

}  // namespace retort::cli
