#include <algorithm>
#include <numeric>

#include "base/softmax.h"
#include "cli/command.h"
#include "retort/model.h"
#include "retort/network.h"

namespace retort::cli {

namespace {

struct PredictArguments {
  std::string model;
  std::vector<std::string> files;
  ModelOptions options;
  ViewsOptions views;
  size_t top = 5;
};

// Indices of the highest values, highest first, the lowest index first among equals.
std::vector<size_t> highest(const std::vector<double>& values, size_t count) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
  std::partial_sort(order.begin(), end, order.end(),
                    [&](size_t a, size_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
  return {order.begin(), end};
}

std::string label_of(const Model& model, size_t index) {
  const auto& names = model.member(0).config.label_names;
  return names.empty() ? str(index) : names[index];
}

void run_predict(Context& context, const PredictArguments& arguments) {
  set_threads(context.threads_or_all());
  const Monitor monitor = context.monitor();
  Model model(arguments.model, arguments.options, monitor);
  const Predictions p = predict_views(model, open_files(arguments.files), arguments.views, monitor);
  if (interrupted()) return context.stopped("Start again with: " + context.command_line);
  Json results = Json::array();
  std::string text;
  for (size_t i = 0; i < arguments.files.size(); ++i) {
    const auto classes = static_cast<size_t>(p.classes);
    const std::span logits = std::span(p.logits).subspan(i * classes, classes);
    const std::vector<double> probabilities = softmax(std::span<const float>(logits));
    Json top = Json::array();
    text += (text.empty() ? "" : "\n") + arguments.files[i] + ":";
    for (const size_t c : highest(probabilities, arguments.top)) {
      top.push_back({{"index", c}, {"label", label_of(model, c)}, {"probability", probabilities[c]}});
      text += (top.size() > 1 ? ", " : " ") + label_of(model, c) + " " + percent(probabilities[c]);
    }
    results.push_back({{"file", arguments.files[i]},
                       {"logits", std::vector<float>(logits.begin(), logits.end())},
                       {"probabilities", probabilities},
                       {"top", top}});
  }
  context.result({{"model", arguments.model}, {"results", results}}, text);
}

}  // namespace

void add_predict(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* verb = add_verb(app, context, "predict", "What a model sees in image files", [&context, arguments] {
    arguments->options.device = context.device;
    arguments->views.seed = context.seed;
    run_predict(context, *arguments);
  });
  verb->add_option("--model", arguments->model, "A run, an ensemble or a hub name")->required();
  verb->add_option("files", arguments->files, "JPEG, PNG or WebP files")->required();
  verb->add_option("--top", arguments->top, "Classes to show for each file")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--precision", arguments->options.precision, "f32, bf16 or auto")->capture_default_str();
  verb->add_option("--img-size", arguments->options.img_size, "Side of the images that it sees; 0: as trained")
      ->check(CLI::Range(0, 8192))
      ->capture_default_str();
  add_views_options(*verb, arguments->views);
}

}  // namespace retort::cli
