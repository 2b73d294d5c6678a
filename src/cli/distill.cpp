#include "cli/train_options.h"
#include "train/options.h"

namespace retort::cli {

void add_distill(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>(TrainOptions{.model = ""});
  auto distill = std::make_shared<DistillOptions>();
  CLI::App* verb = add_verb(app, context, "distill", "Train a student from teachers' soft labels, or beside a teacher",
                            [&context, options, distill] {
                              options->distill = *distill;
                              run_training(context, *options);
                            });
  Fields all = fields(*distill);
  for (Field& field : fields(*options)) {
    if (field.name == "model") field.name = "student";
    all.push_back(field);
  }
  add_fields(*verb, all);
  verb->get_option("--student")->required();
  verb->get_option("--out")->required();
  verb->get_option("--freeze")->delimiter(',');
}

}  // namespace retort::cli
