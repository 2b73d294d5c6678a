#include "retort/model.h"

namespace retort {

namespace {

constexpr const char* kWhere = "views";
constexpr const char* kMirrored = "hflip:p=1";

void check_options(const ViewsOptions& o, const Combiner& combiner) {
  if (o.views < 1) fail_usage(kWhere, o.views, " views asked for; expected at least 1");
  if (o.views > 2 && o.augment.empty()) {
    fail_usage(kWhere, o.views, " views need an augmentation that draws them; give --augment, such as ",
               "random_crop:padding=2,hflip");
  }
  if (combiner.needs_fit()) {
    fail_usage(kWhere, "the combiner '", o.combiner, "' has to be fitted; views are combined by one that has nothing ",
               "to fit, such as mean_probabilities");
  }
}

}  // namespace

Predictions predict_views(Model& model, const Samples& samples, const ViewsOptions& options, const Monitor& monitor) {
  const auto combiner = make_combiner(options.combiner);
  check_options(options, *combiner);
  const Augment augment(options.augment.empty() ? kMirrored : options.augment);
  std::vector<Predictions> views;
  for (int64_t v = 0; v < options.views; ++v) {
    const PredictOptions plain_first{.augment = augment, .seed = options.seed, .view = v == 0 ? kPlainView : v - 1};
    const Predictions members = predict(model, samples, plain_first, monitor);
    if (members.samples < samples.size()) return members;
    views.push_back(combine(model.combiner(), members, v == 0 ? model.name() : str(model.name(), " view ", v)));
  }
  return options.views == 1 ? std::move(views[0]) : combine(*combiner, align(views), model.name());
}

}  // namespace retort
