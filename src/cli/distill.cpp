#include "cli/train_options.h"

namespace retort::cli {

void add_distill(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>();
  auto distill = std::make_shared<DistillOptions>();
  CLI::App* verb = add_verb(app, context, "distill", "Train a student from teachers' soft labels, or beside a teacher",
                            [&context, options, distill] {
                              options->distill = *distill;
                              run_training(context, *options);
                            });
  verb->add_option("--student", options->model, "Backbone (see: retort list models)")->required();
  verb->add_option("--labels", distill->labels, "Soft labels that retort label wrote (fast)");
  verb->add_option(
      "--teacher", distill->teacher,
      "A run or an ensemble. With --labels: its combiner is used; alone: it runs beside the student (slow)");
  verb->add_option("--combiner", distill->combiner, "How to combine stored members without --teacher");
  verb->add_option("--loss", distill->loss, "Distillation loss (see: retort list losses)")->capture_default_str();
  verb->add_option("--temperature", distill->temperature,
                   "T in alpha * T^2 * KL(teacher || student) + (1 - alpha) * CE")
      ->capture_default_str();
  verb->add_option("--alpha", distill->alpha, "Weight of the distillation term; 1 - alpha is that of the labels")
      ->capture_default_str();
  verb->add_option("--teacher-precision", distill->teacher_precision, "Of a teacher that runs beside: auto, f32, bf16")
      ->capture_default_str();
  add_train_options(*verb, *options);
}

}  // namespace retort::cli
