#include "cli/train_options.h"
#include "train/options.h"

namespace retort::cli {

void add_distill(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>(TrainOptions{.model = ""});
  auto students = std::make_shared<std::vector<std::string>>();
  auto distill = std::make_shared<DistillOptions>();
  CLI::App* verb =
      add_verb(app, context, "distill", "Train a student, or several, from teachers' soft labels or beside a teacher",
               [&context, options, distill, students] {
                 options->distill = *distill;
                 if (students->size() > 1) return run_students(context, *students, *options);
                 options->model = students->front();
                 run_training(context, *options);
               });
  Fields all = fields(*distill);
  for (Field& field : fields(*options)) {
    if (field.name == "model") {
      field = {"student", students.get(),
               "Backbone (see: retort list models); several share one pass over the data, at --out/BACKBONE each"};
    }
    all.push_back(field);
  }
  add_fields(*verb, all);
  verb->get_option("--student")->required()->delimiter(',');
  verb->get_option("--out")->required();
  verb->get_option("--freeze")->delimiter(',');
  add_profile(*verb, *options);
}

}  // namespace retort::cli
