#include "retort/data.h"

#include "cli/command.h"

namespace retort::cli {

namespace {

Json class_counts(const Samples& samples, int64_t classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (int64_t i = 0; i < samples.size(); ++i) ++counts[static_cast<size_t>(samples.label(i))];
  return counts;
}

void run_data(const Context& context, const std::string& spec) {
  const DataSet data = open_data(spec);
  Json splits = Json::object();
  std::string text = str(data.spec, ": ", data.classes(), " classes, images ", data.shape.channels, "x",
                         data.shape.height, "x", data.shape.width, " (channels x height x width)");
  for (const std::string name : {"train", "val", "test"}) {
    const Samples& samples = data.split(name);
    const Json counts = class_counts(samples, data.classes());
    splits[name] = {{"samples", samples.size()}, {"per_class", counts}};
    text += str("\n", name, ": ", samples.size(), " samples; per class ", counts.dump());
  }
  text += "\nclasses: " + join(data.label_names) + "\nsha256: " + data.hash;
  context.result({{"data", data.spec},
                  {"hash", data.hash},
                  {"classes", data.label_names},
                  {"shape", {data.shape.channels, data.shape.height, data.shape.width}},
                  {"mean", data.mean},
                  {"std", data.std},
                  {"splits", splits}},
                 text);
}

}  // namespace

void add_data(CLI::App& app, Context& context) {
  auto spec = std::make_shared<std::string>();
  CLI::App* verb = add_verb(app, context, "data", "What is in a data set: classes, counts, sizes",
                            [&context, spec] { run_data(context, *spec); });
  verb->add_option("spec", *spec, "fashion-mnist or idx:DIR")->required();
}

}  // namespace retort::cli
