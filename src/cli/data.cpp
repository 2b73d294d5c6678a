#include "retort/data.h"

#include <algorithm>
#include <array>

#include "cli/command.h"

namespace retort::cli {

namespace {

constexpr size_t kMaxNamed = 10;  // broken images in the text; --json has all

Json class_counts(const Samples& samples, int64_t classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (int64_t i = 0; i < samples.size(); ++i) ++counts[static_cast<size_t>(samples.label(i))];
  return counts;
}

std::string size_text(const ImageShape& shape) { return str(shape.width, " x ", shape.height); }

/// What is known without looking at the images.
struct Description {
  Json document;
  std::string text;
};

Description describe(const DataSet& data) {
  Json splits = Json::object();
  std::string text = str(data.spec, ": ", data.classes(), " classes, images of ", data.shape.channels, " channels");
  if (data.shape.height > 0) text += ", " + size_text(data.shape);
  for (const Samples* samples : {&data.train, &data.val, &data.test}) {
    const Json counts = class_counts(*samples, data.classes());
    splits[samples->split] = {{"samples", samples->size()}, {"per_class", counts}};
    text += str("\n", samples->split, ": ", samples->size(), " samples; per class ", counts.dump());
  }
  text += "\nclasses: " + join(data.label_names) + "\nsha256: " + data.hash;
  if (!data.passed_over.empty()) text += "\npassed over:";
  for (const auto& [what, files] : data.passed_over) text += str(" ", files, " ", what, ";");
  return {{{"data", data.spec},
           {"hash", data.hash},
           {"classes", data.label_names},
           {"shape", {data.shape.channels, data.shape.height, data.shape.width}},
           {"mean", data.mean},
           {"std", data.std},
           {"splits", splits},
           {"passed_over", data.passed_over}},
          text};
}

void add_sizes(std::vector<ImageShape> shapes, Description& to) {
  if (shapes.empty()) return;
  std::sort(shapes.begin(), shapes.end(), [](const ImageShape& a, const ImageShape& b) {
    return std::pair(a.numel(), a.width) < std::pair(b.numel(), b.width);
  });
  const std::array named = {std::pair{"smallest", shapes.front()}, std::pair{"median", shapes[shapes.size() / 2]},
                            std::pair{"largest", shapes.back()}};
  to.text += "\nwidth x height:";
  for (const auto& [name, shape] : named) {
    to.document["sizes"][name] = {{"height", shape.height}, {"width", shape.width}};
    to.text += str(" ", name, " ", size_text(shape), ";");
  }
}

void add_broken(const std::vector<Broken>& broken, Description& to) {
  Json& all = to.document["broken"];
  for (const Broken& one : broken) {
    if (all.size() < kMaxNamed) to.text += "\n  " + one.message;
    all.push_back({{"name", one.name}, {"message", one.message}});
  }
  if (broken.size() > kMaxNamed) to.text += str("\n  and ", broken.size() - kMaxNamed, " more; --json has all");
}

void run_data(Context& context, const std::string& spec, bool check) {
  const DataSet data = open_data(spec);
  Description all = describe(data);
  if (check) {
    std::vector<ImageShape> shapes;
    std::vector<Broken> broken;
    for (const Samples* samples : {&data.train, &data.val, &data.test}) {
      Survey found = survey(*samples, context.threads_or_all(), context.monitor());
      if (interrupted()) return context.stopped("Start again with: " + context.command_line);
      shapes.insert(shapes.end(), found.shapes.begin(), found.shapes.end());
      std::move(found.broken.begin(), found.broken.end(), std::back_inserter(broken));
    }
    add_sizes(std::move(shapes), all);
    all.document["broken"] = Json::array();
    all.text += str("\nbroken images: ", broken.size());
    add_broken(broken, all);
  }
  context.result(all.document, all.text);
}

}  // namespace

void add_data(CLI::App& app, Context& context) {
  auto spec = std::make_shared<std::string>();
  auto no_check = std::make_shared<bool>(false);
  CLI::App* verb = add_verb(app, context, "data", "What is in a data set: classes, counts, sizes, broken images",
                            [&context, spec, no_check] { run_data(context, *spec, !*no_check); });
  verb->add_option("spec", *spec, "fashion-mnist, idx:DIR, cifar10:DIR, cifar100:DIR or folder:DIR")->required();
  verb->add_flag("--no-check", *no_check, "Do not decode every image to find broken ones and the sizes");
}

}  // namespace retort::cli
